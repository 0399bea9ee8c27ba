// The log that SQLite writes beside the store: a long reader, as a backup is one, lets it grow, and it shrinks again.
#include <filesystem>

#include "tools/aggregator/storage/store_backup.h"
#include "unit/aggregator/test_store.h"

namespace cubby::aggregator::testing {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
constexpr std::uint64_t kKeptMax = 64 * kMiB;  // docs/spec/store.md
constexpr std::uint64_t kGrowth = 80 * kMiB;

struct WriteAheadLog : Store {
  std::uint64_t log_bytes() const { return std::filesystem::file_size(path + "-wal"); }
  /// What an hour of a province writes, in one go, and nothing of it merged.
  void grow() {
    Database database;
    ASSERT_TRUE(database.open(path, Database::Mode::kReadWriteCreate));
    ASSERT_TRUE(database.run("PRAGMA wal_autocheckpoint=0; PRAGMA synchronous=OFF"));
    ASSERT_TRUE(database.run("CREATE TABLE IF NOT EXISTS filler(bytes)"));
    ASSERT_TRUE(database.run(("INSERT INTO filler VALUES(randomblob(" + std::to_string(kGrowth) + "))").c_str()));
  }
  void report_one_more(Aggregator& aggregator) {
    journal.deposit(1 + static_cast<std::uint32_t>(journal.next_seq() % 10));
    aggregator.report(journal);
  }
  static std::int64_t batches(Database& database) {
    Statement count(database, "SELECT count(*) FROM event_batches");
    return count.row() ? count.number(0) : -1;
  }
};

TEST_F(WriteAheadLog, GrowsUnderALongReaderAndGivesItBackAfterwards) {
  journal.open();
  Aggregator aggregator(path);
  report_one_more(aggregator);
  Database reader;
  ASSERT_TRUE(reader.open(path, Database::Mode::kReadOnly));
  ASSERT_TRUE(reader.run("BEGIN"));
  const std::int64_t before = batches(reader);
  ASSERT_GT(before, 0);
  grow();
  for (int i = 0; i < 5; ++i) {
    report_one_more(aggregator);
  }
  EXPECT_GT(log_bytes(), kGrowth) << "nothing can be merged that the reader does not see yet";
  EXPECT_EQ(batches(reader), before) << "its moment";
  ASSERT_TRUE(reader.run("ROLLBACK"));
  EXPECT_EQ(batches(reader), before + 5);
  report_one_more(aggregator);  // Merges all of it ...
  report_one_more(aggregator);  // ... and begins the log anew.
  EXPECT_LE(log_bytes(), kKeptMax);
  EXPECT_EQ(batches(reader), before + 7) << "a connection that is only open keeps nothing";
}

TEST_F(WriteAheadLog, ShrinksAfterABackupThatFollowsTheGrowth) {
  journal.open();
  Aggregator aggregator(path);
  report_one_more(aggregator);
  grow();
  ASSERT_GT(log_bytes(), kGrowth);
  const StoreBackup made = backup_store(path, folder.file("copy.db"));
  ASSERT_EQ(made.error, "");
  EXPECT_GT(made.info.file_bytes, kGrowth) << "what is only in the log belongs to the copy";
  report_one_more(aggregator);
  report_one_more(aggregator);
  EXPECT_LE(log_bytes(), kKeptMax);
}

}  // namespace
}  // namespace cubby::aggregator::testing
