//! The checksum is that of the crate `crc`, of any bytes in any pieces.

use super::Crc;
use std::vec::Vec;

#[test]
fn it_is_that_of_an_independent_implementation() {
    let independent = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC);
    let bytes: Vec<u8> = (0..67_u32).map(|i| (i * i + 31 * i + 200) as u8).collect();
    for n in 0..bytes.len() {
        let expected = independent.checksum(&bytes[..n]);
        assert_eq!(Crc::NEW.bytes(&bytes[..n]).get(), expected, "{n} bytes");
        for at in 0..n {
            assert_eq!(Crc::NEW.bytes(&bytes[..at]).bytes(&bytes[at..n]).get(), expected, "cut at {at} of {n}");
        }
    }
    let words = bytes.as_chunks::<4>().0.iter().fold(Crc::NEW, |crc, word| crc.word(u32::from_le_bytes(*word)));
    assert_eq!(words.get(), independent.checksum(&bytes[..64]));
    // The check value of the algorithm's catalogue.
    assert_eq!(Crc::NEW.bytes(b"123456789").get(), 0xcbf4_3926);
}
