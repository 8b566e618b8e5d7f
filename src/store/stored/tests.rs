//! Every damage is refused and changes nothing; what is read is written again byte for byte.

use super::*;
use crate::network::activation::Activation;
use crate::store::container::{Container, Section};
use proptest::prelude::*;
use std::{vec, vec::Vec};

const NET: Spec = Spec::new(3).dense(4, Activation::Relu).norm().dropout(0.25).dense(2, Activation::Identity);
const HEAD: Spec = NET.after(1);
const OWN: Tag = Tag(*b"own!");
/// What a program reads in these tests.
const KNOWN: [(Tag, u8); 5] =
    [(Tag::AVERAGE, 1), (Tag::NETWORK, 1), (Tag::OPTIMIZER, 1), (Tag::PARAMS, 1), (Tag::PREPROCESS, 1)];
const NUMBERS: [f32; 7] = [1.0, -0.0, 1e-40, f32::MAX, -2.5, 0.0, 3.25];

fn written(sections: &[Section<'_>]) -> Vec<u8> {
    let container = Container::new(sections).unwrap();
    let mut bytes = Vec::new();
    let append = |piece: &[u8]| {
        bytes.extend_from_slice(piece);
        Ok::<_, ()>(())
    };
    container.write(append).unwrap();
    assert_eq!(bytes.len(), container.len());
    let mut copy = vec![0; bytes.len()];
    container.copy_to(&mut copy).unwrap();
    assert_eq!(copy, bytes);
    bytes
}

/// Of every kind of data.
fn sample() -> Vec<u8> {
    let several = [Data::Bytes(&[1, 2, 3]), Data::Floats(&NUMBERS), Data::Shorts(&[7, 0x1234]), Data::Words(&[9])];
    written(&[
        Section::new(Tag::AVERAGE, &[Data::Floats(&NUMBERS)]),
        Section::new(Tag::AVERAGE, &several).number(1),
        Section::new(Tag::NETWORK, &[Data::Network(&NET)]),
        Section::new(Tag::OPTIMIZER, &[]),
        Section::new(Tag::PREPROCESS, &[Data::Numbers(&[f32::NAN, f32::INFINITY, 1.0])]),
        Section::new(OWN, &[Data::Bytes(b"later")]).version(9).skippable(),
    ])
}

/// What a program reads, and has before.
#[derive(Clone, Debug, PartialEq)]
struct Memory {
    bytes: [u8; 3],
    floats: [u32; 14],
    shorts: [u16; 2],
    words: [u32; 1],
    numbers: [u32; 3],
}

const BEFORE_READING: Memory =
    Memory { bytes: [0xee; 3], floats: [0x3e99_9999; 14], shorts: [0xeeee; 2], words: [5], numbers: [0x3e99_9999; 3] };

/// Opens a container and reads all that is known of it, or nothing.
fn read(bytes: &[u8], memory: &mut Memory) -> Result<(), Error> {
    let mut floats = memory.floats.map(f32::from_bits);
    let mut numbers = memory.numbers.map(f32::from_bits);
    let (first, second) = floats.split_at_mut(7);
    let result = Stored::of(bytes, &KNOWN).map_err(OpenError::Content).and_then(|mut stored| {
        stored.expect(Tag::NETWORK, 0, &[Data::Network(&NET)])?;
        stored.read_all(&mut [
            Load::new(Tag::AVERAGE, &mut [Place::Floats(first)]),
            Load::new(
                Tag::AVERAGE,
                &mut [
                    Place::Bytes(&mut memory.bytes),
                    Place::Floats(second),
                    Place::Shorts(&mut memory.shorts),
                    Place::Words(&mut memory.words),
                ],
            )
            .number(1),
            Load::new(Tag::PREPROCESS, &mut [Place::Numbers(&mut numbers)]),
        ])
    });
    (memory.floats, memory.numbers) = (floats.map(f32::to_bits), numbers.map(f32::to_bits));
    Ok(result?)
}

fn fault(fault: ContainerFault) -> Option<Error> {
    Some(Error::Container(fault))
}

#[test]
fn what_was_written_is_read() {
    let bytes = sample();
    let mut memory = BEFORE_READING;
    read(&bytes, &mut memory).unwrap();
    let floats: Vec<u32> = NUMBERS.iter().chain(&NUMBERS).map(|x| x.to_bits()).collect();
    assert_eq!((memory.bytes, &memory.floats[..]), ([1, 2, 3], &floats[..]));
    assert_eq!((memory.shorts, memory.words), ([7, 0x1234], [9]));
    assert_eq!(memory.numbers, [NAN, f32::INFINITY.to_bits(), 1.0_f32.to_bits()]);
    // Also behind other bytes, and from a medium that is read in pieces.
    let longer = [&bytes[..], &[0; 9]].concat();
    let mut again = BEFORE_READING;
    read(&longer, &mut again).unwrap();
    assert_eq!(again, memory);
    let mut stored = Stored::of(&longer, &KNOWN).unwrap();
    assert_eq!((stored.len(), stored.sections()), (bytes.len(), 6));
    assert_eq!(stored.len_of(Tag::AVERAGE, 1), Ok(Some(39)));
    assert_eq!(stored.len_of(Tag::AVERAGE, 2), Ok(None));
    assert_eq!(stored.head(Tag::AVERAGE, 1), Ok([1, 2, 3]));
    assert_eq!(stored.spec(), Ok(NET));
    assert_eq!(container_len(longer.first_chunk().unwrap()), Ok(bytes.len()));
}

/// Byte by byte, as the guide has it.
#[test]
fn bytes_are_those_of_the_tables() {
    let bytes = written(&[Section::new(Tag::RUN, &[Data::Shorts(&[0x0201])]).number(5).version(3).skippable()]);
    let header = [0x89, 0x43, 0x59, 0x47, 0x42, 0x4f, 0x58, 0x0a, 1, 0, 1, 0, 38, 0, 0, 0];
    let section = [b'R', b'U', b'N', b' ', 5, 0, 3, 1, 2, 0, 0, 0, 1, 2];
    let crc = |bytes: &[u8]| crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC).checksum(bytes).to_le_bytes();
    assert_eq!(bytes, [&header[..], &crc(&header), &section, &crc(&section)].concat());
}

#[test]
fn every_flipped_bit_is_refused_and_changes_nothing() {
    let bytes = sample();
    for at in 0..bytes.len() * 8 {
        let mut damaged = bytes.clone();
        damaged[at / 8] ^= 1 << (at % 8);
        let mut memory = BEFORE_READING;
        assert!(matches!(read(&damaged, &mut memory), Err(Error::Container(_))), "bit {at}");
        assert_eq!(memory, BEFORE_READING, "bit {at}");
    }
}

#[test]
fn every_truncation_is_refused_and_changes_nothing() {
    let bytes = sample();
    for n in 0..bytes.len() {
        let mut memory = BEFORE_READING;
        assert_eq!(read(&bytes[..n], &mut memory).err(), fault(ContainerFault::Length), "{n} bytes");
        assert_eq!(memory, BEFORE_READING, "{n} bytes");
    }
}

/// A number that is not finite stops the reading of all sections, also behind a checksum that is right.
#[test]
fn every_number_is_checked_before_any_is_written() {
    for wrong in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        for index in 0..7 {
            let mut numbers = NUMBERS;
            numbers[index] = wrong;
            let found = ContainerFault::Number { tag: Tag::AVERAGE, number: 1, index: index as u32 };
            let several = [Data::Bytes(&[1, 2, 3]), Data::Numbers(&numbers), Data::Shorts(&[7, 8]), Data::Words(&[9])];
            let mut sections = [
                Section::new(Tag::AVERAGE, &[Data::Floats(&NUMBERS)]),
                Section::new(Tag::AVERAGE, &several).number(1),
                Section::new(Tag::NETWORK, &[Data::Network(&NET)]),
                Section::new(Tag::PREPROCESS, &[Data::Numbers(&[0.0; 3])]),
            ];
            let mut memory = BEFORE_READING;
            assert_eq!(read(&written(&sections), &mut memory).err(), fault(found));
            assert_eq!(memory, BEFORE_READING);
            // Nor is it written.
            let floats = [Data::Floats(&numbers)];
            sections[1] = Section::new(Tag::AVERAGE, &floats).number(1);
            assert_eq!(Container::new(&sections).err(), fault(found));
        }
    }
    // Of numbers, only one spelling of NaN is read.
    let odd = written(&[Section::new(Tag::PREPROCESS, &[Data::Words(&[0x7fc0_0001])])]);
    let mut numbers = [1.0];
    let result = Stored::of(&odd, &KNOWN).unwrap().read(Tag::PREPROCESS, 0, &mut [Place::Numbers(&mut numbers)]);
    let found = ContainerFault::Number { tag: Tag::PREPROCESS, number: 0, index: 0 };
    assert_eq!((result, numbers), (Err(found.into()), [1.0]));
    assert_eq!(
        written(&[Section::new(Tag::PREPROCESS, &[Data::Numbers(&[f32::from_bits(0xffff_ffff)])])])[32..36],
        NAN.to_le_bytes()
    );
}

/// So that a run could not go on from what was written.
#[test]
fn a_number_that_is_not_allowed_where_it_stands_changes_nothing() {
    let mut params = [0.5; NET.param_len()];
    let variance = (0..params.len()).filter(|&index| !NET.allows(index, -0.5)).collect::<Vec<_>>();
    assert_eq!(variance, [28, 29, 30, 31]);
    for index in 0..params.len() {
        params[index] = -0.5;
        let bytes = written(&[
            Section::new(Tag::AVERAGE, &[Data::Floats(&NUMBERS)]),
            Section::new(Tag::PARAMS, &[Data::Bytes(&[7; 20]), Data::Floats(&params)]),
        ]);
        let (mut average, mut to) = ([0.25; 7], [0.25; NET.param_len()]);
        let result = Stored::of(&bytes, &KNOWN).unwrap().read_all(&mut [
            Load::new(Tag::AVERAGE, &mut [Place::Floats(&mut average)]),
            Load::new(Tag::PARAMS, &mut [Place::Skip(20), Place::Checked(&mut to, &|i, x| NET.allows(i, x))]),
        ]);
        if variance.contains(&index) {
            let found = ContainerFault::Number { tag: Tag::PARAMS, number: 0, index: index as u32 };
            assert_eq!((result, average, to), (Err(found.into()), [0.25; 7], [0.25; NET.param_len()]));
        } else {
            assert_eq!((result, average, to), (Ok(()), NUMBERS, params));
        }
        params[index] = 0.5;
    }
}

/// Numbers of a buffer are never printed.
#[test]
fn debugging_prints_lengths_alone() {
    let print = std::format!("{:?} {:?}", Data::Floats(&NUMBERS), Place::Bytes(&mut [1, 2]));
    assert_eq!(print, "Floats { bytes: 28 } Bytes { bytes: 2 }");
}

/// A later version adds a section: with the bit it is passed over, without it stops an older program.
#[test]
fn an_unknown_section_is_skipped_where_its_bit_is_set() {
    let average = [Data::Floats(&NUMBERS)];
    let sections = |last: Section<'static>| written(&[Section::new(Tag::AVERAGE, &average), last]);
    let later = Section::new(OWN, &[Data::Bytes(b"later")]);
    let mut floats = [0.0; 7];
    let bytes = sections(later.skippable());
    let mut stored = Stored::of(&bytes, &KNOWN).unwrap();
    stored.read(Tag::AVERAGE, 0, &mut [Place::Floats(&mut floats)]).unwrap();
    assert_eq!(floats, NUMBERS);
    let open = |bytes: &[u8]| Stored::of(bytes, &KNOWN).err();
    assert_eq!(open(&sections(later)), fault(ContainerFault::Unknown(OWN, 1)));
    // Likewise a later version of a section that is known.
    let newer = Section::new(Tag::NETWORK, &[]).version(2);
    assert_eq!(open(&sections(newer)), fault(ContainerFault::Unknown(Tag::NETWORK, 2)));
    assert_eq!(open(&sections(Section::new(Tag::NETWORK, &[]))), None);
    // It is not there for a program that would read it as the version that it knows.
    let bytes = sections(newer.skippable());
    let mut stored = Stored::of(&bytes, &KNOWN).unwrap();
    let missing = Err(ContainerFault::Missing(Tag::NETWORK, 0).into());
    assert_eq!(stored.len_of(Tag::NETWORK, 0), Ok(None));
    assert_eq!((stored.read(Tag::NETWORK, 0, &mut []), stored.expect(Tag::NETWORK, 0, &[])), (missing, missing));
    assert_eq!((stored.head::<0>(Tag::NETWORK, 0).map(drop), stored.spec().map(drop)), (missing, missing));
    let listed = stored.entry(1).unwrap().unwrap();
    assert_eq!((listed.tag, listed.version, listed.skippable), (Tag::NETWORK, 2, true));
}

#[test]
fn none_and_as_many_sections_as_can_be_counted() {
    let none = written(&[]);
    let mut stored = Stored::of(&none, &KNOWN).unwrap();
    assert_eq!((stored.len(), stored.sections(), stored.entry(0)), (20, 0, Ok(None)));
    let mut all: Vec<_> = (0..u16::MAX).map(|number| Section::new(Tag::AVERAGE, &[]).number(number)).collect();
    let bytes = written(&all);
    let mut stored = Stored::of(&bytes, &KNOWN).unwrap();
    assert_eq!((stored.sections(), stored.len_of(Tag::AVERAGE, u16::MAX - 1)), (u16::MAX, Ok(Some(0))));
    assert_eq!(stored.len_of(Tag::AVERAGE, u16::MAX), Ok(None));
    all.push(Section::new(Tag::AVERAGE, &[]).number(u16::MAX));
    assert_eq!(Container::new(&all).err(), fault(ContainerFault::TooLarge));
    for zeros in [u32::MAX as usize - 36, usize::MAX - 20, usize::MAX] {
        let data = [Data::Zeros(zeros), Data::Zeros(zeros)];
        for data in [&data[..1], &data] {
            let sections = [Section::new(Tag::AVERAGE, data), Section::new(Tag::PARAMS, data)];
            assert_eq!(Container::new(&sections[..1]).err(), fault(ContainerFault::TooLarge), "{zeros}");
            assert_eq!(Container::new(&sections).err(), fault(ContainerFault::TooLarge), "{zeros}");
        }
    }
}

/// A medium whose bytes change between any two calls is read within its bounds all the same.
#[test]
fn a_medium_that_changes_is_read_within_its_bounds() {
    let bytes = sample();
    // What was long ends where the container does.
    let before = [Data::Zeros(bytes.len() - 52)];
    let other = written(&[Section::new(Tag::AVERAGE, &before), Section::new(Tag::AVERAGE, &[]).number(1)]);
    let reads = |changes: u32| {
        let (mut calls, mut first, mut second) = (0, [0.5; 7], [0.5; 7]);
        let medium = |at: usize, to: &mut [u8]| {
            assert!(at + to.len() <= bytes.len(), "{changes}");
            let now = if calls < changes { &bytes } else { &other };
            calls += 1;
            to.iter_mut().zip(now.iter().skip(at)).for_each(|(to, &from)| *to = from);
            Ok::<_, ()>(())
        };
        let result = Stored::open(medium, bytes.len(), &KNOWN).and_then(|mut stored| {
            stored.expect(Tag::NETWORK, 0, &[Data::Network(&NET)])?;
            stored.read_all(&mut [
                Load::new(Tag::AVERAGE, &mut [Place::Floats(&mut first)]),
                Load::new(Tag::AVERAGE, &mut [Place::Skip(3), Place::Floats(&mut second), Place::Skip(8)]).number(1),
            ])
        });
        (calls, result)
    };
    let (all, result) = reads(u32::MAX);
    assert!(all > 20 && result == Ok(()));
    (0..all).for_each(|changes| _ = reads(changes));
}

/// With checksums that are right.
#[test]
fn other_spellings_are_refused() {
    let resealed = |change: &dyn Fn(&mut Vec<u8>)| {
        let two = [Section::new(Tag::AVERAGE, &[]), Section::new(Tag::AVERAGE, &[Data::Words(&[1])]).number(1)];
        let mut bytes = written(&two);
        change(&mut bytes);
        for (from, to) in [(0, 16), (20, 32), (36, 52)] {
            let sum = Crc::NEW.bytes(&bytes[from..to]).get().to_le_bytes();
            bytes[to..to + 4].copy_from_slice(&sum);
        }
        Stored::of(&bytes, &KNOWN).err()
    };
    assert_eq!(resealed(&|_| {}), None);
    let same = fault(ContainerFault::Order(Tag::AVERAGE, 0));
    assert_eq!(resealed(&|bytes| bytes[40] = 0), same);
    assert_eq!(resealed(&|bytes| bytes[24] = 2), fault(ContainerFault::Order(Tag::AVERAGE, 1)));
    assert_eq!(resealed(&|bytes| bytes[36] = b'A' - 1), fault(ContainerFault::Order(Tag(*b"@VER"), 1)));
    assert_eq!(resealed(&|bytes| bytes[27] = 2), fault(ContainerFault::Flags(Tag::AVERAGE, 2)));
    assert_eq!(resealed(&|bytes| bytes[43] = 0x81), fault(ContainerFault::Flags(Tag::AVERAGE, 0x81)));
    assert_eq!(resealed(&|bytes| bytes[8] = 2), fault(ContainerFault::Version(2)));
    // One section less than there are, and one more.
    assert_eq!(resealed(&|bytes| bytes[10] = 1), fault(ContainerFault::Length));
    assert_eq!(resealed(&|bytes| bytes[10] = 3), fault(ContainerFault::Length));
    assert_eq!(resealed(&|bytes| bytes[12] -= 1), fault(ContainerFault::Length));
    let unsorted = [Section::new(Tag::PARAMS, &[]), Section::new(Tag::AVERAGE, &[])];
    assert_eq!(Container::new(&unsorted).err(), fault(ContainerFault::Order(Tag::AVERAGE, 0)));
    assert_eq!(Container::new(&[unsorted[0]; 2]).err(), fault(ContainerFault::Order(Tag::PARAMS, 0)));
}

#[test]
fn what_is_asked_for_must_be_there() {
    let bytes = sample();
    let mut stored = Stored::of(&bytes, &KNOWN).unwrap();
    let missing = Err(ContainerFault::Missing(Tag::PARAMS, 0).into());
    assert_eq!(stored.read(Tag::PARAMS, 0, &mut []), missing);
    assert_eq!((stored.head::<1>(Tag::PARAMS, 0).map(|_| ()), stored.expect(Tag::PARAMS, 0, &[])), (missing, missing));
    let size = Err(ContainerFault::Size { tag: Tag::AVERAGE, number: 0, bytes: 28 }.into());
    for len in [0, 6, 8] {
        let mut floats = vec![0.5; len];
        assert_eq!(stored.read(Tag::AVERAGE, 0, &mut [Place::Floats(&mut floats)]), size);
        assert_eq!(floats, vec![0.5; len]);
    }
    assert_eq!(stored.head::<29>(Tag::AVERAGE, 0).map(|_| ()), size);
    let mut last = [0.0; 6];
    stored.read(Tag::AVERAGE, 0, &mut [Place::Skip(4), Place::Floats(&mut last)]).unwrap();
    assert_eq!(last, NUMBERS[1..]);
}

#[test]
fn what_differs_is_told() {
    use crate::error::{CheckpointFault, SpecField};
    let bytes = sample();
    let mut stored = Stored::of(&bytes, &KNOWN).unwrap();
    let differs = |at| Err(ContainerFault::Differs { tag: Tag::AVERAGE, number: 1, at }.into());
    let mut expect = |data: &[Data<'_>]| stored.expect(Tag::AVERAGE, 1, data);
    let rest = [Data::Floats(&NUMBERS), Data::Shorts(&[7, 0x1234]), Data::Words(&[9])];
    assert_eq!(expect(&[&[Data::Bytes(&[1, 2, 3])], &rest[..]].concat()), Ok(()));
    assert_eq!(expect(&[&[Data::Bytes(&[1, 2, 4])], &rest[..]].concat()), differs(2));
    assert_eq!(expect(&[Data::Bytes(&[1, 2, 3]), rest[0], Data::Shorts(&[7, 0x2234])]), differs(34));
    assert_eq!(expect(&[Data::Bytes(&[1, 2, 3])]), differs(3));
    assert_eq!(expect(&[&[Data::Bytes(&[1, 2, 3])], &rest[..], &[Data::Words(&[0])]].concat()), differs(39));
    for (other, layer, field, found, expected) in [
        (Spec::new(2).dense(4, Activation::Relu).dense(2, Activation::Identity), None, SpecField::Inputs, 3, 2),
        (NET.dense(2, Activation::Identity), None, SpecField::Depth, 2, 3),
        (
            Spec::new(3).dense(5, Activation::Relu).norm().dense(2, Activation::Identity),
            Some(0),
            SpecField::Width,
            4,
            5,
        ),
    ] {
        let fault = CheckpointFault::Network { layer, field, stored: found, wanted: expected };
        assert_eq!(
            stored.expect(Tag::NETWORK, 0, &[Data::Network(&other)]),
            Err(Error::Checkpoint(fault).into()),
            "{field}"
        );
    }
    assert_eq!(
        stored.expect(Tag::NETWORK, 0, &[Data::Network(&HEAD)]),
        Err(Error::Checkpoint(CheckpointFault::Whole).into())
    );
}

/// Behind other data, too.
#[test]
fn a_network_that_differs_is_told_wherever_it_stands() {
    use crate::error::{CheckpointFault, SpecField};
    let bytes = written(&[Section::new(Tag::PARAMS, &[Data::Bytes(&[1; 6]), Data::Network(&NET)])]);
    let mut stored = Stored::of(&bytes, &KNOWN).unwrap();
    let other = Spec::new(3).dense(4, Activation::Relu).norm().dropout(0.25).dense(2, Activation::Tanh);
    let (field, stored_code, wanted) = (SpecField::Activation, 0, 3);
    let fault = CheckpointFault::Network { layer: Some(1), field, stored: stored_code, wanted };
    let mut expect = |data: &[Data<'_>]| stored.expect(Tag::PARAMS, 0, data);
    assert_eq!(expect(&[Data::Bytes(&[1; 6]), Data::Network(&NET)]), Ok(()));
    let told = expect(&[Data::Bytes(&[1; 6]), Data::Network(&other)]);
    assert_eq!(told, Err(Error::Checkpoint(fault).into()));
    // One that ends early differs where it ends.
    let bytes = written(&[Section::new(Tag::PARAMS, &[Data::Bytes(&[3, 0])])]);
    let told = Stored::of(&bytes, &KNOWN).unwrap().expect(Tag::PARAMS, 0, &[Data::Network(&NET)]);
    assert_eq!(told, Err(ContainerFault::Differs { tag: Tag::PARAMS, number: 0, at: 0 }.into()));
}

#[test]
fn a_container_has_as_many_sections_and_bytes_as_its_header_can_say() {
    let of = |zeros: usize| Container::new(&[Section::new(Tag::RUN, &[Data::Zeros(zeros)])]).map(|all| all.len());
    let most = u32::MAX as usize - 1;
    assert_eq!(of(most - 36), Ok(most));
    let (too_large, last) = (Err(Error::Container(ContainerFault::TooLarge)), most - 35);
    assert_eq!((of(last), of(usize::MAX)), (too_large, too_large));
    let section = |i: u32| Section::new(Tag((i >> 16).to_be_bytes()), &[]).number(i as u16);
    let sections: Vec<_> = (0..0x1_0000).map(section).collect();
    assert_eq!(Container::new(&sections).map(|all| all.len()), too_large);
    assert_eq!(Container::new(&sections[1..]).map(|all| all.len()), Ok(20 + 16 * 0xffff));
    // A slice of zeros is as long as it says.
    for n in [0, 1, 11, 12, 13, 40] {
        let bytes = written(&[Section::new(Tag::RUN, &[Data::Zeros(n), Data::Bytes(&[7])])]);
        assert_eq!(bytes[32..bytes.len() - 4], [vec![0; n], vec![7]].concat());
    }
}

/// Heads too, without the checksum of their body.
#[test]
fn a_network_has_one_spelling() {
    for spec in [NET, HEAD, NET.first(1)] {
        let bytes = written(&[Section::new(Tag::NETWORK, &[Data::Network(&spec)])]);
        assert_eq!(Stored::of(&bytes, &KNOWN).unwrap().spec(), Ok(spec));
        // Every other network, or none.
        let payload = &bytes[32..bytes.len() - 4];
        for at in 0..payload.len() * 8 {
            let mut other = payload.to_vec();
            other[at / 8] ^= 1 << (at % 8);
            let bytes = written(&[Section::new(Tag::NETWORK, &[Data::Bytes(&other)])]);
            if let Ok(spec) = Stored::of(&bytes, &KNOWN).unwrap().spec() {
                assert_eq!(written(&[Section::new(Tag::NETWORK, &[Data::Network(&spec)])]), bytes);
            }
        }
        for n in 0..payload.len() {
            let bytes = written(&[Section::new(Tag::NETWORK, &[Data::Bytes(&payload[..n])])]);
            assert!(Stored::of(&bytes, &KNOWN).unwrap().spec().is_err(), "{n} bytes");
        }
        let longer = [Data::Network(&spec), Data::Bytes(&[0; 40])];
        assert!(Stored::of(&written(&[Section::new(Tag::NETWORK, &longer)]), &KNOWN).unwrap().spec().is_err());
    }
}

/// For every call: an error of the medium comes out, and nothing is written before the last checks are done.
#[test]
fn an_error_of_the_medium_comes_out() {
    let bytes = sample();
    let mut calls = 0;
    for fails in 0.. {
        let (mut call, mut floats) = (0, [0.5; 7]);
        let medium = |at: usize, to: &mut [u8]| {
            call += 1;
            to.copy_from_slice(&bytes[at..at + to.len()]);
            if call == fails { Err("worn") } else { Ok(()) }
        };
        let result = Stored::open(medium, bytes.len(), &KNOWN)
            .and_then(|mut stored| stored.read(Tag::AVERAGE, 0, &mut [Place::Floats(&mut floats)]));
        if fails == 0 {
            calls = call;
            assert_eq!((result, floats), (Ok(()), NUMBERS));
        } else if fails <= calls {
            assert_eq!(result, Err(OpenError::Read("worn")));
            assert_eq!(floats, [0.5; 7]);
        } else {
            break;
        }
    }
    assert!(calls > 20);
}

#[test]
fn writing_ends_at_the_first_error() {
    let numbers = [Data::Floats(&NUMBERS)];
    let sections = [Section::new(Tag::AVERAGE, &numbers)];
    let container = Container::new(&sections).unwrap();
    let mut pieces = 0;
    let count = |_: &[u8]| {
        pieces += 1;
        Ok::<_, ()>(())
    };
    container.write(count).unwrap();
    for fails in 0..pieces {
        let mut piece = 0;
        let result = container.write(|_| {
            piece += 1;
            if piece > fails { Err(fails) } else { Ok(()) }
        });
        assert_eq!((result, piece), (Err(fails), fails + 1));
    }
    assert!(container.copy_to(&mut [0; 3]).is_err());
    let wrong = [Data::Network(&Spec::new(3))];
    assert!(matches!(Container::new(&[Section::new(Tag::NETWORK, &wrong)]).err(), Some(Error::Spec(_))));
}

/// Sections as any program might have them.
type Any = Vec<(u8, u16, u8, bool, Vec<u8>)>;

proptest! {
    /// `write(read(b)) == b`.
    #[test]
    fn what_is_read_is_written_again(
        mut any in prop::collection::vec((0..4_u8, 0..4_u16, any::<u8>(), any::<bool>(), prop::collection::vec(any::<u8>(), 0..200)), 0..6)
    ) {
        any.sort();
        any.dedup_by_key(|section| (section.0, section.1));
        let bytes = encode(&any);
        let known: Vec<_> = any.iter().map(|section| (Tag([section.0; 4]), section.2)).collect();
        let mut stored = Stored::of(&bytes, &known).unwrap();
        let mut found = Any::new();
        for index in 0..stored.sections() {
            let Entry { tag, number, version, skippable, len, .. } = stored.entry(index).unwrap().unwrap();
            let mut payload = vec![0; len];
            stored.read(tag, number, &mut [Place::Bytes(&mut payload)]).unwrap();
            found.push((tag.0[0], number, version, skippable, payload));
        }
        prop_assert_eq!(stored.entry(stored.sections()), Ok(None));
        prop_assert_eq!(encode(&found), bytes);
        prop_assert_eq!(found, any);
    }
}

fn encode(sections: &Any) -> Vec<u8> {
    let data: Vec<_> = sections.iter().map(|section| [Data::Bytes(&section.4)]).collect();
    let sections: Vec<_> = sections
        .iter()
        .zip(&data)
        .map(|((tag, number, version, skippable, _), data)| {
            let section = Section::new(Tag([*tag; 4]), data).number(*number).version(*version);
            if *skippable { section.skippable() } else { section }
        })
        .collect();
    written(&sections)
}
