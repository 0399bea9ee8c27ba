// Copies of a store: made while it is written, and put back.
#include <sys/stat.h>

#include <fstream>

#include "tools/aggregator/storage/file_lock.h"
#include "tools/aggregator/storage/store_backup.h"
#include "unit/aggregator/test_store.h"

namespace cubby::aggregator::testing {
namespace {

constexpr std::uint64_t kNowMs = 1'800'000'000'000;

struct Backup : Store {
  std::string copy = folder.file("copy.db");

  std::string bytes(const std::string& file) const {
    std::ifstream stream(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  void write(const std::string& file, const std::string& content) const {
    std::ofstream(file, std::ios::binary) << content;
  }
  bool exists(const std::string& file) const { return std::filesystem::exists(file); }
  /// Files in the folder, so that a test sees what is left over.
  std::size_t files() const {
    const std::filesystem::directory_iterator all(folder.path());
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
  }
  std::uint64_t generation(const std::string& file) const { return read_store_info(file, false).identity.generation; }
  std::string verdict(const std::string& file) const { return verify_store(file, nullptr).verdict; }
};

TEST_F(Backup, IsOfOneMomentWhileTheStoreIsWritten) {
  fill_both();
  Aggregator aggregator(path);
  aggregator.report(journal);
  Database open_transaction;  // Somebody is in the middle of a commit.
  ASSERT_TRUE(open_transaction.open(path, Database::Mode::kReadWriteCreate));
  ASSERT_TRUE(open_transaction.run("BEGIN IMMEDIATE; UPDATE stat_station_day SET deposits = deposits + 1"));
  const StoreBackup made = backup_store(path, copy);
  ASSERT_EQ(made.error, "");
  ASSERT_TRUE(open_transaction.run("ROLLBACK"));
  open_transaction.close();
  aggregator.report(other);
  EXPECT_EQ(verdict(copy), "verify: exact");
  EXPECT_EQ(made.info.events, journal.events().size());
  EXPECT_EQ(made.info.stations, 1U);
  EXPECT_EQ(made.info.identity.uid, aggregator.store->identity().uid);
  EXPECT_EQ(made.info.file_bytes, bytes(copy).size());
  EXPECT_FALSE(exists(copy + "-wal") || exists(copy + ".partial")) << "one file that stands alone";
  EXPECT_TRUE(read_store_info(path, true).in_use);
  EXPECT_FALSE(read_store_info(copy, true).in_use);
}

TEST_F(Backup, LeavesWhatIsThereAloneAndNothingHalfMade) {
  fill_both();
  Aggregator(path).report(journal);
  write(copy, "precious");
  EXPECT_NE(backup_store(path, copy).error.find("exists already"), std::string::npos);
  EXPECT_EQ(bytes(copy), "precious");
  std::filesystem::remove(copy);
  std::filesystem::create_symlink(folder.file("elsewhere"), copy);
  EXPECT_NE(backup_store(path, copy).error.find("exists already"), std::string::npos) << "a link to nothing";
  std::filesystem::remove(copy);
  EXPECT_NE(backup_store(path, folder.file("no/folder.db")).error, "");
  EXPECT_NE(backup_store(folder.file("nothing.db"), copy).error, "");
  EXPECT_FALSE(exists(folder.file("nothing.db")));
  write(folder.file("text"), "no database at all, but long enough to be looked at as if it were one");
  EXPECT_NE(backup_store(folder.file("text"), copy).error, "");
  {
    FileLock writing;
    ASSERT_EQ(writing.take(copy + ".partial"), "");
    EXPECT_NE(backup_store(path, copy).error.find("somebody is writing it"), std::string::npos);
  }
  write(copy + ".partial", "what a killed one has left");
  ASSERT_EQ(::chmod(path.c_str(), 0600), 0);
  EXPECT_EQ(backup_store(path, copy).error, "");
  EXPECT_FALSE(exists(copy + ".partial"));
  struct stat status {};
  ASSERT_EQ(::stat(copy.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U) << "readable by no more people than the store";
}

TEST_F(Backup, IsNotMadeOfADamagedStore) {
  fill_both();
  Aggregator(path).report(journal);
  std::string damaged = bytes(path);
  const std::size_t middle = damaged.size() / 2;
  damaged.replace(middle / 4'096 * 4'096, 4'096, std::string(4'096, '\xA5'));
  write(path, damaged);
  EXPECT_NE(backup_store(path, copy).error, "");
  EXPECT_NE(read_store_info(path, true).error, "");
  EXPECT_FALSE(exists(copy) || exists(copy + ".partial"));
}

TEST_F(Backup, RestoredIsSentAgainWhatItHasLostAndCountsItOnce) {
  fill_both();
  Aggregator(path).report(journal);
  ASSERT_EQ(backup_store(path, copy).error, "");
  const std::string kept = bytes(copy);
  journal.deposit(3);
  {
    Aggregator aggregator(path);
    aggregator.report(journal);
    aggregator.report(other);
  }
  const std::uint64_t last_batch = read_store_info(path, false).last_batch_id;
  const StoreRestore restored = restore_store(copy, path, kNowMs);
  ASSERT_EQ(restored.error, "");
  EXPECT_EQ(restored.backup_generation, 1U);
  EXPECT_EQ(restored.replaced_generation, 1U);
  EXPECT_EQ(restored.info.identity.generation, kNowMs + 1);
  EXPECT_EQ(bytes(copy), kept) << "the backup is only read";
  EXPECT_EQ(verdict(restored.replaced), "verify: exact") << "the store as it was";
  EXPECT_EQ(read_store_info(restored.replaced, false).stations, 2U);
  EXPECT_EQ(read_store_info(path, false).stations, 1U);
  {
    Aggregator aggregator(path);
    EXPECT_EQ(aggregator.store->identity().generation, kNowMs + 1);
    EXPECT_GT(aggregator.store->identity().session_epoch, 2U) << "sessions of the lost time are older";
    aggregator.report(journal);
    aggregator.report(other);
    bool ok = false;
    StoreReader reader;
    ASSERT_EQ(reader.open(path), "");
    EXPECT_GT(reader.events().newest(ok), EventTail::id_of(last_batch, 255)) << "numbers of events only grow";
    const TailPage page = reader.events().page(EventTail::id_of(last_batch, 255), 0, 1'000);
    EXPECT_EQ(page.events.size(), other.events().size() + 1) << "a reader of the log goes on where it was";
  }
  EXPECT_EQ(difference(), "");
  const std::vector<LedgerRow> rows = ledger();
  EXPECT_EQ(verify_store(path, &rows).difference, "");
}

TEST_F(Backup, RestoredSaysFromWhereOnItsLogIsAnother) {
  const auto origin = [this] {
    LogOrigin read;
    StoreReader reader;
    EXPECT_EQ(reader.open(path), "");
    EXPECT_TRUE(reader.events().origin(read));
    return read;
  };
  fill_both();
  Aggregator(path).report(journal);
  ASSERT_EQ(backup_store(path, copy).error, "");
  Aggregator(path).report(other);
  EXPECT_EQ(origin().generation, 1U);
  EXPECT_TRUE(origin().restores.empty());
  const std::string uid = origin().store_uid;
  const std::uint64_t seen = EventTail::id_of(read_store_info(path, false).last_batch_id, 255);
  ASSERT_EQ(restore_store(copy, path, kNowMs).error, "");
  ASSERT_EQ(origin().restores.size(), 1U);
  EXPECT_EQ(origin().restores[0].generation, kNowMs + 1);
  EXPECT_EQ(origin().restores[0].after, seen);
  EXPECT_EQ(origin().store_uid, uid);
  bool ok = true;
  StoreReader reader;
  ASSERT_EQ(reader.open(path), "");
  EXPECT_EQ(reader.events().newest(ok), seen) << "a place up to there is none beyond the log";
  EXPECT_TRUE(reader.events().page(seen, 0, 10).at_end);
  const std::string later = folder.file("later.db");
  ASSERT_EQ(backup_store(path, later).error, "");
  std::filesystem::remove(path);
  ASSERT_EQ(restore_store(later, path, kNowMs + 50).error, "");
  ASSERT_EQ(origin().restores.size(), 2U) << "what a backup has been through stays in it";
  EXPECT_EQ(origin().restores[1].generation, origin().generation);
}

// The second restore looked at the log of the first one's store, and not at what that had kept from the store before:
// numbers that readers had seen were given again.
TEST_F(Backup, RestoredTwiceStillKnowsWhatReadersHaveSeen) {
  fill_both();
  Aggregator(path).report(journal);
  ASSERT_EQ(backup_store(path, copy).error, "");
  Aggregator(path).report(other);
  const std::uint64_t seen = read_store_info(path, false).last_batch_id;
  for (int times = 1; times <= 3; ++times) {
    ASSERT_EQ(restore_store(copy, path, kNowMs + static_cast<std::uint64_t>(times)).error, "");
    EXPECT_EQ(read_store_info(path, false).last_batch_id, seen) << times;
    bool ok = true;
    StoreReader reader;
    ASSERT_EQ(reader.open(path), "");
    EXPECT_EQ(reader.events().newest(ok), EventTail::id_of(seen, 255)) << times;
  }
  Aggregator(path).report(other);
  EXPECT_GT(read_store_info(path, false).last_batch_id, seen);
  EXPECT_EQ(verdict(path), "verify: exact");
}

TEST_F(Backup, RestoredAlwaysHasAGenerationThatNobodyHasSeen) {
  fill_both();
  Aggregator(path).report(journal);
  ASSERT_EQ(backup_store(path, copy).error, "");
  ASSERT_EQ(restore_store(copy, path, kNowMs).error, "");
  EXPECT_EQ(generation(path), kNowMs + 1);
  ASSERT_EQ(restore_store(copy, path, kNowMs - 1'000'000).error, "");
  EXPECT_EQ(generation(path), kNowMs + 2) << "a clock that went back, but the replaced store knows";
  std::filesystem::remove(path);
  const StoreRestore lost = restore_store(copy, path, kNowMs + 5'000);
  ASSERT_EQ(lost.error, "");
  EXPECT_EQ(lost.replaced, "");
  EXPECT_EQ(generation(path), kNowMs + 5'001) << "the store is lost, and its generation with it";
  ASSERT_EQ(backup_store(path, folder.file("later.db")).error, "");
  std::filesystem::remove(path);
  ASSERT_EQ(restore_store(folder.file("later.db"), path, 7).error, "");
  EXPECT_EQ(generation(path), kNowMs + 5'002) << "the clock is lost too, but the backup knows";
  EXPECT_EQ(verdict(path), "verify: exact");
}

TEST_F(Backup, IsNotRestoredWhereItWouldDoHarm) {
  fill_both();
  Aggregator(path).report(journal);
  ASSERT_EQ(backup_store(path, copy).error, "");
  {
    Aggregator serving(path);
    EXPECT_NE(restore_store(copy, path, kNowMs).error.find("another aggregator has it open"), std::string::npos);
  }
  const std::string before = bytes(path);
  EXPECT_NE(restore_store(path, path, kNowMs).error.find("the store itself"), std::string::npos);
  EXPECT_NE(restore_store(folder.file("nothing.db"), path, kNowMs).error.find("no such file"), std::string::npos);
  EXPECT_NE(restore_store(copy, folder.path().string(), kNowMs).error.find("is no file"), std::string::npos);
  const std::string damaged = folder.file("damaged.db");
  std::string content = bytes(copy);
  content.replace(content.size() / 2 / 4'096 * 4'096, 4'096, std::string(4'096, '\xA5'));
  write(damaged, content);
  EXPECT_NE(restore_store(damaged, path, kNowMs).error, "");
  write(damaged, content.substr(0, 20'000));
  EXPECT_NE(restore_store(damaged, path, kNowMs).error, "");
  const std::string foreign = folder.file("foreign.db");
  {
    Database database;
    ASSERT_TRUE(database.open(foreign, Database::Mode::kReadWriteCreate) && database.run("CREATE TABLE t(a)"));
  }
  EXPECT_NE(restore_store(foreign, path, kNowMs).error.find("not a cubby store"), std::string::npos);
  EXPECT_NE(restore_store(copy, foreign, kNowMs).error.find("not a cubby store"), std::string::npos);
  const std::string another = folder.file("another.db");
  {
    OpenedStore opened =
        open_sqlite_store(another, [](MutableBytes uid) { std::fill(uid.begin(), uid.end(), std::byte{6}); });
    ASSERT_EQ(opened.error, "");
  }
  EXPECT_NE(restore_store(copy, another, kNowMs).error.find("another store"), std::string::npos);
  EXPECT_EQ(bytes(path), before);
  EXPECT_EQ(files(), 5U) << "the store, its copy, and what was tried; nothing half-made";
}

TEST_F(Backup, ReplacesADamagedStoreAndKeepsItWithItsLog) {
  fill_both();
  Aggregator(path).report(journal);
  ASSERT_EQ(backup_store(path, copy).error, "");
  write(path, "this was a store once");
  write(path + "-wal", "and this its log");
  const StoreRestore restored = restore_store(copy, path, kNowMs);
  ASSERT_EQ(restored.error, "");
  EXPECT_EQ(restored.replaced_generation, 0U);
  EXPECT_EQ(bytes(restored.replaced), "this was a store once");
  EXPECT_FALSE(exists(path + "-wal"));
  EXPECT_EQ(verdict(path), "verify: exact");
  EXPECT_EQ(generation(path), kNowMs + 1);
}

TEST_F(Backup, IsNotMixedWithTheLogOfAStoreThatIsGone) {
  fill_both();
  Aggregator(path).report(journal);
  ASSERT_EQ(backup_store(path, copy).error, "");
  {
    Aggregator killed(path);
    killed.report(other);
    std::filesystem::copy_file(path + "-wal", folder.file("wal"));
  }
  std::filesystem::remove(path);
  std::filesystem::rename(folder.file("wal"), path + "-wal");
  ASSERT_EQ(restore_store(copy, path, kNowMs).error, "");
  EXPECT_EQ(generation(path), kNowMs + 1);
  EXPECT_EQ(read_store_info(path, true).stations, 1U);
  EXPECT_EQ(verdict(path), "verify: exact");
}

}  // namespace
}  // namespace cubby::aggregator::testing
