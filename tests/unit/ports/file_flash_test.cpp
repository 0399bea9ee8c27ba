#include "firmware/ports/posix/file_flash.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "firmware/store/journal.h"
#include "unit/ports/lab.h"

namespace cubby::posix {
namespace {

using tests::FaultyCalls;
using tests::Folder;

constexpr hal::FlashGeometry kGeometry{.sector_size = 4096, .sector_count = 8};

struct Disk {
  Folder folder;
  FaultyCalls calls;
  std::string why;
  FileFlash::Options options{.path = folder.path("journal"), .geometry = kGeometry};
  std::unique_ptr<FileFlash> open() { return FileFlash::open(calls, options, why); }
};

std::vector<std::byte> bytes(std::initializer_list<int> values) {
  std::vector<std::byte> result;
  for (const int value : values) {
    result.push_back(static_cast<std::byte>(value));
  }
  return result;
}

std::vector<std::byte> read(FileFlash& flash, std::uint32_t address, std::size_t size) {
  std::vector<std::byte> cells(size);
  EXPECT_EQ(flash.read(address, cells), Status::kOk);
  return cells;
}

TEST(FileFlash, IsMadeBlankWholeAndForItsOwnerOnly) {
  Disk disk;
  const auto flash = disk.open();
  ASSERT_NE(flash, nullptr) << disk.why;
  struct stat status {};
  ASSERT_EQ(stat(disk.options.path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600U);
  EXPECT_EQ(status.st_size, kGeometry.size());
  EXPECT_EQ(read(*flash, 0, kGeometry.size()), std::vector<std::byte>(kGeometry.size(), std::byte{0xFF}));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(disk.folder.path("")), {}), 1) << "nothing is left over";
}

TEST(FileFlash, KeepsWhatWasProgrammedAndErasesSectors) {
  Disk disk;
  auto flash = disk.open();
  ASSERT_EQ(flash->program(4096, bytes({0x12, 0x34})), Status::kOk);
  ASSERT_EQ(flash->program(8190, bytes({0x56, 0x78})), Status::kOk);
  flash.reset();
  flash = disk.open();
  EXPECT_EQ(read(*flash, 4096, 3), bytes({0x12, 0x34, 0xFF}));
  EXPECT_EQ(read(*flash, 8190, 3), bytes({0x56, 0x78, 0xFF}));
  ASSERT_EQ(flash->erase(1), Status::kOk);
  EXPECT_EQ(read(*flash, 4096, 4096), std::vector<std::byte>(4096, std::byte{0xFF}));
}

TEST(FileFlash, ProgrammingClearsBitsAndNeverSetsOne) {
  Disk disk;
  const auto flash = disk.open();
  ASSERT_EQ(flash->program(0, bytes({0x0F, 0xFF})), Status::kOk);
  EXPECT_EQ(flash->program(0, bytes({0x0E, 0x7F})), Status::kOk) << "more bits cleared";
  EXPECT_EQ(flash->program(0, bytes({0x0E, 0x80})), Status::kIo) << "a bit cannot be set";
  EXPECT_EQ(read(*flash, 0, 2), bytes({0x0E, 0x7F})) << "and nothing was changed";
  EXPECT_FALSE(flash->failed()) << "the disk is well";
}

TEST(FileFlash, BelongsToOneController) {
  Disk disk;
  auto first = disk.open();
  EXPECT_EQ(disk.open(), nullptr);
  EXPECT_NE(disk.why.find("another controller has this journal"), std::string::npos) << disk.why;
  first.reset();
  EXPECT_NE(disk.open(), nullptr) << disk.why;
}

TEST(FileFlash, RefusesWhatIsNoFlashOfItsGeometry) {
  Disk disk;
  disk.folder.write("journal", "a letter");
  EXPECT_EQ(disk.open(), nullptr);
  EXPECT_NE(disk.why.find("has 8 bytes; 8 sectors of 4096 are 32768"), std::string::npos) << disk.why;
  disk.options.path = disk.folder.path("");
  EXPECT_EQ(disk.open(), nullptr) << "a folder";
  disk.options.path = disk.folder.path("missing/journal");
  EXPECT_EQ(disk.open(), nullptr) << "in no folder";
  EXPECT_NE(disk.why.find("missing/journal"), std::string::npos) << disk.why;
}

TEST(FileFlash, AWriteThatTheKernelSplitsIsFinished) {
  Disk disk;
  disk.calls.pwrite_most = 7;
  const auto flash = disk.open();
  const std::vector<std::byte> data(256, std::byte{0x5A});
  ASSERT_EQ(flash->program(256, data), Status::kOk);
  EXPECT_EQ(read(*flash, 256, 256), data);
}

TEST(FileFlash, AFailedWriteOrSyncIsTheLastOneThatIsTried) {
  for (const std::size_t after : {std::size_t{0}, std::size_t{1}}) {  // The write itself, or its sync.
    Disk disk;
    auto flash = disk.open();
    disk.calls.fail_at = disk.calls.operations() + after;
    EXPECT_EQ(flash->program(0, bytes({0})), Status::kIo);
    EXPECT_TRUE(flash->failed());
    disk.calls.fail_at = SIZE_MAX;
    const std::size_t before = disk.calls.operations();
    EXPECT_EQ(flash->program(300, bytes({0})), Status::kIo) << "a later sync could succeed and prove nothing";
    EXPECT_EQ(flash->erase(2), Status::kIo);
    EXPECT_EQ(disk.calls.operations(), before);
    flash.reset();
    flash = disk.open();
    EXPECT_EQ(flash->program(300, bytes({0})), Status::kOk) << "opened again, it is tried again";
  }
}

TEST(FileFlash, AReadThatFailsIsSaid) {
  Disk disk;
  const auto flash = disk.open();
  disk.calls.fail_reads = true;
  std::vector<std::byte> cells(4);
  EXPECT_EQ(flash->read(0, cells), Status::kIo);
  EXPECT_EQ(flash->program(0, cells), Status::kIo);
}

TEST(FileFlash, CanBeLookedIntoWithoutChangingIt) {
  Disk disk;
  auto flash = disk.open();
  ASSERT_EQ(flash->program(0, bytes({1, 2})), Status::kOk);
  std::string image;
  bool in_use = false;
  ASSERT_TRUE(read_image(disk.options, image, in_use, disk.why));
  EXPECT_TRUE(in_use);
  flash.reset();
  ASSERT_TRUE(read_image(disk.options, image, in_use, disk.why));
  EXPECT_FALSE(in_use);
  EXPECT_EQ(image.substr(0, 3), "\x01\x02\xFF");
  disk.options.path = disk.folder.path("nothing");
  EXPECT_FALSE(read_image(disk.options, image, in_use, disk.why));
}

/// Counts the events that a mount finds, and checks that each is the one that was written.
struct Reader final : store::RecordVisitor {
  void on_records_lost(std::uint64_t) override {}
  std::uint64_t events = 0;
  void on_checkpoint_begin() override {}
  void on_checkpoint_part(Bytes) override {}
  void on_record(const store::Record& record) override {
    if (record.record_class == store::RecordClass::kEvent) {
      ++events;
      EXPECT_EQ(record.seq, events);
      EXPECT_EQ(std::vector<std::byte>(record.payload.begin(), record.payload.end()),
                std::vector<std::byte>(300, static_cast<std::byte>(events)));
    }
  }
};

/// Appends events until one fails or there are `most`; how many were accepted.
std::uint64_t append_events(Disk& disk, std::uint64_t most) {
  const auto flash = disk.open();
  const auto journal = std::make_unique<store::Journal>(*flash);
  Reader reader;
  store::MountReport report;
  if (const Status status = journal->mount(reader, report);
      status != Status::kOk && (status != Status::kNotFound || journal->format({}) != Status::kOk)) {
    return 0;
  }
  while (reader.events < most) {
    const std::vector<std::byte> payload(300, static_cast<std::byte>(reader.events + 1));
    if (journal->append_event(payload) != Status::kOk) {
      return reader.events;
    }
    ++reader.events;
  }
  return reader.events;
}

TEST(FileFlash, AWriteThatIsTornAnywhereCostsTheJournalNothingThatItAccepted) {
  constexpr std::uint64_t kEvents = 20;
  Disk clean;
  (void)clean.open();
  ASSERT_EQ(append_events(clean, kEvents), kEvents);
  const std::size_t operations = clean.calls.operations();
  ASSERT_GT(operations, 2 * kEvents) << "a write and a sync each at least";
  for (std::size_t cut = 1; cut < operations; ++cut) {
    for (const std::size_t reached : {std::size_t{0}, std::size_t{1}, std::size_t{100}, SIZE_MAX}) {
      Disk disk;
      (void)disk.open();  // Made before: its own failure is another test's.
      disk.calls.fail_at = disk.calls.operations() + cut;
      disk.calls.failing_write_takes = reached;
      const std::uint64_t accepted = append_events(disk, kEvents);
      disk.calls.fail_at = SIZE_MAX;
      EXPECT_EQ(append_events(disk, kEvents), kEvents) << "cut at " << cut << ", " << reached << " bytes reached it";
      EXPECT_LE(accepted, kEvents);
      const auto flash = disk.open();
      const auto journal = std::make_unique<store::Journal>(*flash);
      Reader reader;
      store::MountReport report;
      ASSERT_EQ(journal->mount(reader, report), Status::kOk);
      EXPECT_GE(reader.events, accepted);
      EXPECT_EQ(reader.events, kEvents);
      EXPECT_EQ(report.damaged, 0U);
    }
  }
}

}  // namespace
}  // namespace cubby::posix
