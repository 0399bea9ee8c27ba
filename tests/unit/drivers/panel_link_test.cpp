#include "firmware/drivers/panel_link.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <iterator>
#include <string>
#include <vector>

#include "firmware/base/crc.h"

namespace cubby::drivers {
namespace {

class FakePanel final : public hal::FrontPanel {
 public:
  std::deque<std::byte> typed;
  std::vector<std::vector<std::byte>> shown;
  bool busy = false;

 private:
  std::size_t do_receive(MutableBytes into) override {
    std::size_t size = 0;
    while (size < into.size() && !typed.empty()) {
      into[size++] = typed.front();
      typed.pop_front();
    }
    return size;
  }
  Status do_send(Bytes bytes) override {
    if (busy) {
      return Status::kBusy;
    }
    shown.emplace_back(bytes.begin(), bytes.end());
    return Status::kOk;
  }
};

std::vector<std::byte> frame(std::uint8_t type, std::string_view data) {
  std::vector<std::byte> bytes{std::byte{0x55}, std::byte{type}, static_cast<std::byte>(data.size())};
  std::copy_n(as_bytes(data).begin(), data.size(), std::back_inserter(bytes));
  const auto crc = crc16_modbus(Bytes(bytes).subspan(1));
  bytes.push_back(static_cast<std::byte>(crc & 0xFF));
  bytes.push_back(static_cast<std::byte>(crc >> 8));
  return bytes;
}

struct World {
  FakePanel panel;
  PanelLink link{panel};
  void type(const std::vector<std::byte>& bytes) { panel.typed.insert(panel.typed.end(), bytes.begin(), bytes.end()); }
};

TEST(PanelLink, ReadsKeysAndScans) {
  World world;
  world.type(frame(1, "7"));
  world.type(frame(2, "RB473124829CN"));
  const auto key = world.link.next_input();
  ASSERT_TRUE(key.has_value());
  EXPECT_EQ(key->key, '7');
  const auto scan = world.link.next_input();
  ASSERT_TRUE(scan.has_value());
  EXPECT_EQ(scan->kind, PanelInput::Kind::kScan);
  EXPECT_EQ(scan->text.view(), "RB473124829CN");
  const std::string longest(limits::kPanelTextMax, 'x');
  world.type(frame(2, longest));
  EXPECT_EQ(world.link.next_input().value().text.view(), longest);
  EXPECT_FALSE(world.link.next_input().has_value());
}

TEST(PanelLink, FindsTheNextFrameBehindEveryKindOfGarbage) {
  auto broken = frame(1, "1");
  broken[3] = std::byte{'2'};
  const std::vector<std::vector<std::byte>> garbage{{std::byte{0x00}, std::byte{0xFF}},
                                                    {std::byte{0x55}},
                                                    {std::byte{0x55}, std::byte{0x01}, std::byte{0xFF}},
                                                    broken,
                                                    frame(9, "unknown"),
                                                    frame(1, "22"),
                                                    frame(2, ""),
                                                    frame(2, std::string(81, 'x'))};
  for (const auto& bytes : garbage) {
    World world;
    world.type(bytes);
    world.type(frame(1, "S"));
    world.type(frame(1, "M"));
    auto input = world.link.next_input();
    ASSERT_TRUE(input.has_value());
    EXPECT_EQ(input->key, 'S');
    input = world.link.next_input();
    ASSERT_TRUE(input.has_value());
    EXPECT_EQ(input->key, 'M');
  }
}

TEST(PanelLink, WaitsForTheRestOfAFrameAtEveryByte) {
  const auto whole = frame(2, "PARCEL");
  for (std::size_t cut = 0; cut < whole.size(); ++cut) {
    World world;
    world.type({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(cut)});
    EXPECT_FALSE(world.link.next_input().has_value());
    world.type({whole.begin() + static_cast<std::ptrdiff_t>(cut), whole.end()});
    const auto input = world.link.next_input();
    ASSERT_TRUE(input.has_value());
    EXPECT_EQ(input->text.view(), "PARCEL");
  }
}

TEST(PanelLink, ShowsAScreenByteForByteAndKeepsItWhileThePanelIsBusy) {
  World world;
  world.panel.busy = true;
  world.link.show(Screen::kOpening, 12, 0x01020304);
  EXPECT_FALSE(world.link.flush());
  world.panel.busy = false;
  EXPECT_TRUE(world.link.flush());
  ASSERT_EQ(world.panel.shown.size(), 1U);
  EXPECT_EQ(world.panel.shown[0], frame(0x81, std::string_view("\x04\x0C\x04\x03\x02\x01", 6)));
}

TEST(PanelLink, KeepsTheLanguageTheNewestScreensAndTheNewestToneWhileThePanelIsBusy) {
  World world;
  world.panel.busy = true;
  world.link.set_language(PanelLanguage::kChinese);
  world.link.switch_language();
  world.link.show(Screen::kWrongCode, 0, 3);
  for (std::uint8_t door = 1; door <= 8; ++door) {
    world.link.show(Screen::kPleaseShut, door);  // One more than can wait, with the first.
  }
  world.link.buzz(Buzz::kAlarm);
  EXPECT_FALSE(world.link.flush());
  world.panel.busy = false;
  EXPECT_TRUE(world.link.flush());
  ASSERT_EQ(world.panel.shown.size(), 10U);
  EXPECT_EQ(world.panel.shown.front(), frame(0x83, "\x01"));
  EXPECT_EQ(world.panel.shown[1], frame(0x81, std::string_view("\x12\x01\x00\x00\x00\x00", 6)));
  EXPECT_EQ(world.panel.shown.back(), frame(0x82, "\x03"));
  EXPECT_TRUE(world.link.flush());
  EXPECT_EQ(world.panel.shown.size(), 10U);
}

TEST(PanelLink, GoesBackToTheStationsLanguageWithIdle) {
  World world;
  world.link.set_language(PanelLanguage::kChinese);
  world.link.show(Screen::kIdle);
  EXPECT_TRUE(world.link.at_rest());
  world.link.switch_language();
  EXPECT_FALSE(world.link.at_rest());
  world.link.show(Screen::kOpening, 1);
  world.link.show(Screen::kIdle);
  const std::vector wanted{frame(0x83, "\x02"), frame(0x81, std::string_view("\x01\0\0\0\0\0", 6)),
                           frame(0x83, "\x01"), frame(0x81, std::string_view("\x04\x01\0\0\0\0", 6)),
                           frame(0x83, "\x02"), frame(0x81, std::string_view("\x01\0\0\0\0\0", 6))};
  EXPECT_EQ(world.panel.shown, wanted);
  EXPECT_TRUE(world.link.at_rest());
}

}  // namespace
}  // namespace cubby::drivers
