"""Defects of the aggregator's store, each with the tests that must notice. Notation as in tests/mutants/mutants.py."""

from mutants import Mutant

STORE = "tools/aggregator/storage/sqlite_event_store.cpp"
GATHERING = "tools/aggregator/storage/gathering_vfs.cpp"
SETTINGS = """PRAGMA wal_autocheckpoint=8192;"
                     "PRAGMA cache_size=-131072; PRAGMA temp_store=MEMORY; PRAGMA trusted_schema=OFF\""""

CUTS = "StoreCuts.Lose*"
FAULTS = "StoreFaults.*"

MUTANTS = [
    Mutant("synchronous-off", STORE, f'<<"PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; {SETTINGS}>>',
           f'"PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; {SETTINGS}', CUTS),
    Mutant("statistics-in-a-transaction-of-their-own", STORE, "<<sums_.write(changes.sums)>>",
           'database_.run("COMMIT; BEGIN IMMEDIATE") && sums_.write(changes.sums)', CUTS),
    Mutant("batches-without-their-marks", STORE, "return <<write_batches(changes)>> &&",
           'database_.run("COMMIT; BEGIN IMMEDIATE") && write_batches(changes)', CUTS),
    Mutant("failed-commit-is-not-said", STORE, "std::string error = <<database_.error()>>;\n  database_.run", "std::string()", FAULTS),
    Mutant("nothing-merged-at-the-start", STORE, "if (<<!database_.run(\"PRAGMA wal_checkpoint(TRUNCATE)\")>>)", "false", FAULTS),
    Mutant("opening-is-not-counted", STORE, "return <<put_meta(\"session_epoch\", identity_.session_epoch)>>;", "true", CUTS),
    Mutant("log-is-synced-without-what-is-gathered", GATHERING,
           "return <<after_flush(handle, [&](auto& methods, auto* file) { return methods.xSync(file, flags); })>>;",
           "methods_below(handle).xSync(below(handle), flags)", CUTS),
    Mutant("failed-write-of-gathered-pages-is-not-said", GATHERING, "file.gathered.clear();\n  return <<result>>;", "SQLITE_OK", FAULTS),
]
