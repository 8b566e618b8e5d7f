use super::*;
use std::{fmt::Write, string::String};

/// A new row gets a new line; no line changes.
#[test]
fn numbers_are_those_of_the_committed_list() {
    let tables = [
        ("Error", Error::ROWS),
        ("SpecFault", SpecFault::ROWS),
        ("Buffer", Buffer::ROWS),
        ("Value", Value::ROWS),
        ("Setting", Setting::ROWS),
        ("CheckpointFault", CheckpointFault::ROWS),
        ("SpecField", SpecField::ROWS),
        ("ContainerFault", ContainerFault::ROWS),
    ];
    let mut list = String::new();
    for (table, rows) in tables {
        rows.iter().for_each(|(row, code)| writeln!(list, "{table} {code} {row}").unwrap());
    }
    assert_eq!(include_str!("../../tests/error_codes.txt"), list);
}

#[test]
fn a_code_tells_what_it_is_about() {
    let length = Error::Length { buffer: Buffer::Section, needed: 1, got: 2 };
    let network = CheckpointFault::Network { layer: None, field: SpecField::Math, stored: 1, wanted: 2 };
    let errors = [Error::Spec(SpecFault::OneClass), length, Error::AverageWeights, Error::Checkpoint(network)];
    assert_eq!(errors.map(Error::code), [0x0108, 0x0215, 0x1e00, 0x1d06]);
    assert_eq!(Error::NonFinite { value: Value::Input, index: 9 }.code(), 0x1101);
}
