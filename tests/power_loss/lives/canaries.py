"""Defects of journal and recovery, each of which the cuts through controllers' lives, or the faults of their flash, must catch.

Notation as in tests/mutants/mutants.py; there is no test to name: cuts must notice all that name nothing, faults those of FAULTS.
"""

from mutants import Mutant

STORE = "firmware/store/"
CORE = "firmware/core/"


def at(file, *rows):
    return [Mutant(name, file, source, becomes, "") for name, source, becomes in rows]


READS_BLANK = (
    "([&] { std::array<std::byte, 256> head; (void)flash_.read(sector * flash_.geometry().sector_size, head); "
    "return std::all_of(head.begin(), head.end(), [](std::byte value) { return value == std::byte{0xFF}; }); }())"
)

# What only a faulty part brings to light: no power cut does.
FLASH = "faults"


def under_faults(file, *rows):
    return [Mutant(name, file, source, becomes, FLASH) for name, source, becomes in rows]


# Three defects are not here, for no cut can tell them from the truth:
# - "supersedes" of a boot's sector is ignored. The copy begins with the same order as what it replaces, so that the latter is dropped as
#   a repeated one; and of the free sectors it is the last to be taken, by the round, whether or not it is kept back. Only a damaged tail
#   that is given up begins elsewhere: Damage.OfATailThatIsGivenUpDoesNotTakeTheStateOfBeforeWithIt notices.
# - A record out of order is believed. Orders go on without gaps within a sector, and what an earlier use of it left does not verify, as
#   the CRC knows the serial; a reader stops at the first record that does not. The check is for images that no firmware writes.
# - A sector is given up though no checkpoint holds its state. A controller writes one before the journal has gone round, and no boot gives up
#   more than is needed: Journal.DiscardsNothingThatNoCheckpointHolds notices.
MUTANTS = [
    *under_faults(
        STORE + "journal.cpp",
        ("program-is-not-read-back", "flash_.program(at, bytes) != Status::kOk || <<!reads_as(at, bytes)>>) {", "false"),
    ),
    *under_faults(
        STORE + "journal_wear.cpp",
        ("part-of-a-page-is-read-back", "for (std::size_t done = 0; <<done < data.size()>>; done += piece.size()) {", "done == 0"),
    ),
    *under_faults(
        STORE + "journal_mount.cpp",
        ("lost-records-are-not-told", "if (<<count != 0>>) {\n    report.records_lost += count;", "false"),
    ),
    *under_faults(
        STORE + "journal_scan.cpp",
        ("copy-without-its-end-is-dropped", "if (<<done || newest == 0>>) {", "true"),
        ("damage-in-the-tail-is-a-torn-record", "while (<<find_record(tail, offset, record, payload)>>) {\n    recovery.tail_damaged", "false"),
        ("lost-events-are-not-reported", "<<report.events_lost_to = to;>>", "report.events_lost_from = 0;"),
    ),
    *under_faults(
        STORE + "layout.cpp",
        ("rotten-header-is-not-put-right", "if (as_is != HeaderCheck::kForeign || <<alike < 3>>) {", "true"),
    ),
    *under_faults(
        CORE + "controller_boot.cpp",
        ("mount-that-failed-is-ignored", "<<CUBBY_TRY(open_journal());>>", "(void)open_journal();"),
    ),
    *under_faults(
        CORE + "station_state.cpp",
        ("doors-are-not-doubted", "<<write_state(static_cast<std::uint8_t>(number), CompartmentState::kDisputed);>>", ""),
        ("opening-of-before-the-loss-goes-on", "<<openings_ = {};>>\n  for", ""),
    ),
    *at(
        STORE + "journal.cpp",
        ("record-without-crc", "return <<layout::record_crc(Bytes(bytes).first(head_size), payload, live.serial) == header.crc>>;", "true"),
        ("blank-is-trusted", "if (<<erase(sector) != Status::kOk>> ||", READS_BLANK + " ? false : erase(sector) != Status::kOk"),
        ("mark-is-not-durable", "return <<append(RecordClass::kInternal, static_cast<std::uint8_t>(OwnKind::kAckMark), payload)>>;",
         "Status::kOk"),
        ("event-number-is-not-kept", "<<++next_seq_;>>", ""),
    ),
    *at(
        STORE + "journal_wear.cpp",
        ("no-room-for-the-next-boot", "if (<<sectors_unused() <= leave>>) {\n      return Status::kNoSpace;", "sectors_unused() == 0"),
    ),
    *at(
        STORE + "journal_mount.cpp",
        ("appends-behind-a-bad-record", "<<CUBBY_TRY(open_boot_sector(recovery, report));>>", "write_offset_ = recovery.tail_end;"),
        ("erases-before-it-copies", "const std::uint16_t sector = <<pick_boot_sector(recovery)>>;", "live_[live_count_ - 1].sector"),
        ("copy-is-done-before-it-is", "<<CUBBY_TRY(copy_tail(recovery, tail, offset, start.first_order));>>",
         "CUBBY_TRY(write_record(2, static_cast<std::uint8_t>(OwnKind::kCopyDone), 0, 0, 0, {}));\n"
         "    CUBBY_TRY(copy_tail(recovery, tail, offset, start.first_order));"),
        ("wrong-chain-start", "chain_ = <<chain_start(uid)>>;", "Chain{1}"),
        ("serial-of-a-torn-header-again", "next_serial_ = <<recovery.serial_max + 2>>;", "recovery.serial_max"),
        ("copied-tail-loses-its-last-record", "while (<<order < recovery.facts.order>>) {\n    if (!read_record(tail", "order + 1 < recovery.facts.order"),
    ),
    *at(
        STORE + "journal_scan.cpp",
        ("half-a-boots-sector-counts", "const Copy copy = <<header.role == SectorRole::kBoot ? copy_state(live_[i]) : Copy::kConfirmed>>;",
         "Copy::kConfirmed"),
        ("half-a-checkpoint-counts", "<<open_begin = record.order;>>",
         "open_begin = record.order; facts.checkpoint_begin = record.order; facts.checkpoint_end = record.order;"),
        ("tail-is-taken-as-settled", "<<recovery.settled = before;>>", "recovery.settled = facts;"),
    ),
    *at(
        STORE + "layout.cpp",
        ("header-without-crc", "<<load_le<std::uint32_t>(bytes.subspan(kHeaderCrcAt, 4)) != crc32c(bytes.first(kHeaderCrcAt))>>) {", "false"),
    ),
    *at(
        CORE + "openings.cpp",
        ("pulses-again-after-a-reset", "kOpenSightTimeout) {\n        <<uncertain(slot, now);>>", "attempt(slot, now);"),
        ("pulses-before-the-intent", "<<CUBBY_TRY(recorder_.append(intent));>>",
         "recorder_.state().apply_internal(static_cast<std::uint8_t>(RecordKind::kIntent), [&] { static RecordBytes bytes; "
         "return Bytes(bytes).first(encode(intent, bytes)); }());"),
    ),
    *at(
        CORE + "custody.h",
        ("unseen-pulse-is-believed", "case AttemptOutcome::kNone:\n      return <<AfterReset::kUncertain>>", "AfterReset::kNotOpened"),
    ),
    *at(
        CORE + "panel_flow.cpp",
        ("verdict-before-it-is-counted", "<<recorder.append(ThrottleCount{failures}) != Status::kOk>>", "false"),
    ),
    *at(
        CORE + "station_state.cpp",
        ("refused-parcel-keeps-its-code", "<<compartments_[body.refused.compartment - 1U].parcel.code_dead = true;>>", ""),
    ),
]

# Defects of an unlock that the cuts within it must catch, too.
PULSES = ["pulses-again-after-a-reset", "pulses-before-the-intent", "unseen-pulse-is-believed"]

# By fault, the defect that it must bring to light.
FAULTS = {
    "rot-of-the-last": "record-without-crc",
    "rot-of-the-recent": "damage-in-the-tail-is-a-torn-record",
    "rot-of-a-header": "rotten-header-is-not-put-right",
    "rot-anywhere": "doors-are-not-doubted",
    "rot-of-many-bits": "lost-events-are-not-reported",
    "stuck-written": "copy-without-its-end-is-dropped",
    "stuck-blank": "part-of-a-page-is-read-back",
    "read-disturb": "lost-records-are-not-told",
    "hostile-page": "opening-of-before-the-loss-goes-on",
    "program-errors": "pulses-before-the-intent",
    "erase-errors": "erases-before-it-copies",
    "all-errors": "verdict-before-it-is-counted",
    "busy-for-ever": "mount-that-failed-is-ignored",
    "reads-zeros": "program-is-not-read-back",
    "write-protected": "program-is-not-read-back",
}
