#include <gtest/gtest.h>

#include <cctype>
#include <fstream>

#include "unit/store/store_world.h"

/// Computes the worked example of docs/spec/flash.md and looks its bytes up in the document.
namespace cubby::store {
namespace {

class FlashSpecification : public testing::Test {
 protected:
  void SetUp() override {
    std::ifstream file(std::string(CUBBY_TESTS_DIR) + "/../docs/spec/flash.md");
    // A line of a dump is an offset in four digits, two blanks, the bytes, and then what they are.
    for (std::string line; std::getline(file, line);) {
      if (line.size() > 6 && line.find("  ") == 4) {
        for (std::size_t at = 6; at + 1 < line.size() && std::isxdigit(line[at]) != 0; at += 3) {
          document_ += line.substr(at, 2);
        }
      }
    }
    ASSERT_FALSE(document_.empty());
  }

  void expect_in_document(const std::string& name, hal::NorFlash& flash, std::uint32_t address, std::size_t size) {
    std::vector<std::byte> bytes(size);
    ASSERT_EQ(flash.read(address, bytes), Status::kOk);
    std::string hex;
    std::string dump;
    for (std::size_t i = 0; i < size; ++i) {
      char two[4];
      std::snprintf(two, sizeof(two), "%02x", std::to_integer<unsigned>(bytes[i]));
      hex += two;
      dump += (i % 16 == 0 ? "\n" : " ") + std::string(two);
    }
    EXPECT_NE(document_.find(hex), std::string::npos) << name << " is not in docs/spec/flash.md:" << dump;
  }

  std::string document_;
};

TEST_F(FlashSpecification, ShowsAJournalOfTwoRecordsAndItsNextBoot) {
  JournalUid uid;
  for (std::size_t i = 0; i < uid.size(); ++i) {
    uid[i] = static_cast<std::byte>(i);
  }
  constexpr std::array<std::uint8_t, 10> kEvent{0x08, 0x01, 0x10, 0xe8, 0x07, 0xda, 0x01, 0x02, 0x08, 0x07};
  emulator::NorFlashDevice flash({.sector_size = 4096, .sector_count = 8, .program_size = 1, .page_size = 256});
  Journal journal(flash);
  ASSERT_EQ(journal.format(uid), Status::kOk);
  ASSERT_EQ(journal.append_event(std::as_bytes(std::span(kEvent))), Status::kOk);
  ASSERT_EQ(journal.append_internal(66, as_bytes(std::string_view("\x03\x00\x00\x00", 4))), Status::kOk);
  Journal next(flash);
  Listing listing;
  MountReport report;
  ASSERT_EQ(next.mount(listing, report), Status::kOk);
  expect_in_document("header of sector 0", flash, 0, 80);
  expect_in_document("event", flash, 80, 44);
  expect_in_document("internal record", flash, 124, 20);
  expect_in_document("header of sector 1", flash, 4096, 80);
  expect_in_document("event, copied", flash, 4096 + 80, 44);
  expect_in_document("internal record, copied", flash, 4096 + 124, 20);
  expect_in_document("kCopyDone", flash, 4096 + 144, 16);
}

}  // namespace
}  // namespace cubby::store
