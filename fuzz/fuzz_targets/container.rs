//! What is accepted as a container, written again, is the same container byte for byte; numbers that are not finite leave
//! everything as it was.
#![no_main]

use cygnet::error::{ContainerFault, Error};
use cygnet::store::{Container, Data, Entry, Place, Section, Stored, Tag, container_len};
use libfuzzer_sys::fuzz_target;

const HEADER: usize = 20;

/// Where each section begins and where its payload ends, as far as the lengths go.
fn sections(bytes: &[u8]) -> Vec<(usize, usize)> {
    let (mut found, mut at) = (Vec::new(), HEADER);
    while let Some(header) = bytes.get(at..).and_then(|rest| rest.first_chunk::<12>()) {
        let payload = u32::from_le_bytes([header[8], header[9], header[10], header[11]]) as usize;
        let end = at.saturating_add(12).saturating_add(payload);
        if end.saturating_add(4) > bytes.len() {
            break;
        }
        found.push((at, end));
        at = end + 4;
    }
    found
}

/// Few inputs have their lengths and checksums right by chance: gives them some, so that what lies behind is reached.
fn sealed(bytes: &[u8]) -> Option<Vec<u8>> {
    let crc = |bytes: &[u8]| crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC).checksum(bytes).to_le_bytes();
    let mut sealed = bytes.get(HEADER..).map(|_| bytes.to_vec())?;
    let found = sections(bytes);
    sealed.truncate(found.last().map_or(HEADER, |(_, end)| end + 4));
    for &(from, to) in &found {
        let sum = crc(&sealed[from..to]);
        sealed[to..to + 4].copy_from_slice(&sum);
    }
    sealed[..10].copy_from_slice(b"\x89CYGBOX\n\x01\0");
    let (count, len) = ((found.len() as u16).to_le_bytes(), (sealed.len() as u32).to_le_bytes());
    sealed[10..12].copy_from_slice(&count);
    sealed[12..16].copy_from_slice(&len);
    let sum = crc(&sealed[..16]);
    sealed[16..HEADER].copy_from_slice(&sum);
    Some(sealed)
}

fn container(bytes: &[u8]) {
    let of = |at: usize| (Tag(*bytes[at..].first_chunk().expect("a header is there")), bytes[at + 6]);
    let known: Vec<_> = sections(bytes).into_iter().map(|(at, _)| of(at)).collect();
    let Ok(mut stored) = Stored::of(bytes, &known) else {
        assert!(Stored::of(bytes, &[]).is_err());
        return;
    };
    let len = stored.len();
    assert_eq!(bytes.first_chunk().map(container_len), Some(Ok(len)));
    let entries: Vec<Entry> = (0..stored.sections())
        .map(|index| stored.entry(index).expect("memory can be read").expect("there are so many"))
        .collect();
    assert_eq!(Stored::of(bytes, &[]).is_ok(), entries.iter().all(|entry| entry.skippable));
    let mut payloads: Vec<Vec<u8>> = Vec::new();
    for &Entry { tag, number, len, .. } in &entries {
        let (mut payload, mut floats) = (vec![0; len], vec![f32::NAN; len / 4]);
        assert_eq!(stored.read(tag, number, &mut [Place::Bytes(&mut payload)]), Ok(()));
        assert_eq!(stored.expect(tag, number, &[Data::Bytes(&payload)]), Ok(()));
        let rest = len % 4;
        match stored.read(tag, number, &mut [Place::Floats(&mut floats), Place::Skip(rest)]) {
            Ok(()) => {
                let numbers = [Data::Floats(&floats), Data::Bytes(&payload[len - rest..])];
                assert_eq!(stored.expect(tag, number, &numbers), Ok(()));
                assert!(floats.iter().all(|x| x.is_finite()));
            }
            Err(error) => {
                let fault = Error::from(error);
                assert!(matches!(fault, Error::Container(ContainerFault::Number { .. })), "{fault}");
                assert!(floats.iter().all(|x| x.is_nan()));
            }
        }
        payloads.push(payload);
    }
    let data: Vec<_> = payloads.iter().map(|payload| [Data::Bytes(payload)]).collect();
    let sections: Vec<_> = entries
        .iter()
        .zip(&data)
        .map(|(entry, data)| {
            let section = Section::new(entry.tag, data).number(entry.number).version(entry.version);
            if entry.skippable { section.skippable() } else { section }
        })
        .collect();
    let again = Container::new(&sections).expect("what was read can be written");
    let mut written = vec![0; again.len()];
    assert_eq!(again.copy_to(&mut written), Ok(()));
    assert_eq!(written, bytes[..len]);
    if let Ok(spec) = stored.spec() {
        assert_eq!(stored.expect(Tag::NETWORK, 0, &[Data::Network(&spec)]), Ok(()));
    }
}

fuzz_target!(|bytes: &[u8]| {
    container(bytes);
    if let Some(bytes) = sealed(bytes) {
        container(&bytes);
    }
});
