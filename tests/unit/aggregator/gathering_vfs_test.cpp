#include <fstream>

#include "unit/aggregator/test_store.h"

namespace cubby::aggregator::testing {
namespace {

constexpr int kRows = 300;  // A page each.

/// Calls of this process that wrote to anything, so far.
std::int64_t write_calls() {
  std::ifstream io("/proc/self/io");
  for (std::string name; io >> name;) {
    std::int64_t value = 0;
    io >> value;
    if (name == "syscw:") {
      return value;
    }
  }
  return -1;
}

std::int64_t number(Database& database, const char* sql) {
  Statement statement(database, sql);
  EXPECT_TRUE(statement.row()) << database.error();
  return statement.number(0);
}

struct GatheringVfs : ::testing::Test {
  TemporaryFolder folder;

  void open(Database& database, const std::string& path, Database::Mode mode) {
    ASSERT_TRUE(database.open(path, mode));
    ASSERT_TRUE(
        database.run("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0;"
                     "CREATE TABLE t(id INTEGER PRIMARY KEY, bytes)"));
  }
  /// Rows of a page each, from `first` on, in a transaction that stays open.
  static void insert(Database& database, int first) {
    const std::string last = std::to_string(first + kRows - 1);
    ASSERT_TRUE(database.run(("BEGIN; WITH RECURSIVE n(i) AS (VALUES(" + std::to_string(first) +
                              ") UNION ALL SELECT i + 1 FROM n WHERE i < " + last +
                              ") INSERT INTO t SELECT i, zeroblob(3000) FROM n")
                                 .c_str()));
  }
  std::int64_t calls_of_a_commit(Database::Mode mode) {
    Database database;
    open(database, folder.file(mode == Database::Mode::kGathering ? "gathering.db" : "plain.db"), mode);
    insert(database, 1);
    const std::int64_t before = write_calls();
    EXPECT_TRUE(database.run("COMMIT"));
    return write_calls() - before;
  }
};

TEST_F(GatheringVfs, WritesTheLogOfACommitInAFewCalls) {
  EXPECT_GE(calls_of_a_commit(Database::Mode::kReadWriteCreate), 2 * kRows) << "a call for each header and each page";
  EXPECT_LE(calls_of_a_commit(Database::Mode::kGathering), kRows * 4'120 / 90'000 + 5);
}

TEST_F(GatheringVfs, ShowsOthersWhatIsCommittedAndItsOwnPagesAtOnce) {
  const std::string path = folder.file("cubby.db");
  Database writer;
  open(writer, path, Database::Mode::kGathering);
  ASSERT_TRUE(writer.run("PRAGMA cache_size=10"));  // Pages leave for the log in the middle of a transaction.
  Database reader;
  ASSERT_TRUE(reader.open(path, Database::Mode::kReadOnly));
  insert(writer, 1);
  EXPECT_EQ(number(writer, "SELECT count(*) FROM t WHERE length(bytes) = 3000"), kRows);
  EXPECT_EQ(number(reader, "SELECT count(*) FROM t"), 0);
  ASSERT_TRUE(writer.run("COMMIT"));
  EXPECT_EQ(number(reader, "SELECT count(*) FROM t WHERE length(bytes) = 3000"), kRows);

  insert(writer, kRows + 1);
  ASSERT_TRUE(writer.run("ROLLBACK"));
  EXPECT_EQ(number(writer, "SELECT count(*) FROM t"), kRows);

  ASSERT_TRUE(writer.run("PRAGMA wal_checkpoint(TRUNCATE)")) << "merged, and the log begins anew";
  insert(writer, kRows + 1);
  ASSERT_TRUE(writer.run("COMMIT; PRAGMA wal_checkpoint"));
  EXPECT_EQ(number(reader, "SELECT count(*) FROM t WHERE length(bytes) = 3000"), 2 * kRows);
  Statement check(reader, "PRAGMA integrity_check");
  ASSERT_TRUE(check.row());
  EXPECT_EQ(check.text(0), "ok");
}

}  // namespace
}  // namespace cubby::aggregator::testing
