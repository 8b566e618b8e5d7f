// Prints the hash that a wasm module computes.
import { readFileSync } from "node:fs";
const { instance } = await WebAssembly.instantiate(readFileSync(process.argv[2]), {});
console.log(BigInt.asUintN(64, instance.exports.golden()).toString(16).padStart(16, "0"));
