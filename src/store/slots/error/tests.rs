use super::*;

/// Numbers are in logs: a new row gets a new one, and none changes.
#[test]
fn numbers_never_change() {
    let config = [("Word", 1), ("Blocks", 2), ("Slots", 3), ("Small", 4), ("Capacity", 5)];
    let slot = [("NotErased", 1), ("ReadBack", 2), ("Version", 3), ("Config", 4), ("Identity", 5), ("Length", 6)];
    assert_eq!(ConfigFault::ROWS, config);
    assert_eq!(SlotFault::ROWS, slot);
}
