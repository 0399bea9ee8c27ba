// What the display shows, in both languages, and for how long.
#include "emulator/hardware/panel_text.h"

#include <gtest/gtest.h>

#include <set>

#include "emulator/hardware/front_panel_device.h"
#include "firmware/drivers/panel_link.h"

namespace cubby::emulator {
namespace {

constexpr std::array kLanguages{PanelLanguage::kEnglish, PanelLanguage::kChinese};

std::string joined(const DisplayRows& rows) {
  return rows[0] + "|" + rows[1] + "|" + rows[2] + "|" + rows[3];
}

TEST(PanelText, CountsColumnsAsADisplayDoes) {
  EXPECT_EQ(display_columns(""), 0U);
  EXPECT_EQ(display_columns("Door 12 #*"), 10U);
  EXPECT_EQ(display_columns("取件码"), 6U);
  EXPECT_EQ(display_columns("请稍候，谢谢？"), 14U);  // Full-width signs are wide, too.
  EXPECT_EQ(display_columns("S小 M中"), 7U);
  EXPECT_EQ(display_columns("é…"), 2U);
}

TEST(PanelText, EveryScreenOfTheFirmwareHasBothTexts) {
  // The panel module has an enum of its own: this ties the two ends.
  EXPECT_EQ(kPanelMessages, static_cast<std::uint8_t>(drivers::Screen::kDoubted));
  EXPECT_EQ(static_cast<int>(PanelMessage::kDoubted), static_cast<int>(drivers::Screen::kDoubted));
  EXPECT_EQ(static_cast<int>(PanelMessage::kSecondInput), static_cast<int>(drivers::Screen::kSecondInput));
  EXPECT_EQ(static_cast<int>(PanelMessage::kSenderReady), static_cast<int>(drivers::Screen::kSenderReady));
  EXPECT_EQ(static_cast<int>(PanelMessage::kPleaseShut), static_cast<int>(drivers::Screen::kPleaseShut));
  EXPECT_EQ(static_cast<int>(PanelMessage::kAuditItem), static_cast<int>(drivers::Screen::kAuditItem));
  std::set<std::string_view> names;
  for (std::uint8_t i = 1; i <= kPanelMessages; ++i) {
    const PanelText& text = panel_text(static_cast<PanelMessage>(i));
    EXPECT_EQ(static_cast<std::uint8_t>(text.message), i);
    EXPECT_TRUE(names.insert(text.name).second) << text.name;
    EXPECT_FALSE(text.english[0].empty()) << text.name;
    EXPECT_FALSE(text.chinese[0].empty()) << text.name;
    for (const auto row : text.english) {  // "G 中文" names the other language in its own writing.
      EXPECT_TRUE(display_columns(row) == row.size() || row.ends_with("G 中文")) << text.name << ": " << row;
    }
  }
  EXPECT_EQ(panel_text(PanelMessage{0}).name, "?");
  EXPECT_EQ(panel_text(static_cast<PanelMessage>(kPanelMessages + 1)).name, "?");
}

TEST(PanelText, NoRowIsWiderThanTheDisplayWhateverIsFilledIn) {
  for (std::uint8_t i = 1; i <= kPanelMessages; ++i) {
    for (const auto language : kLanguages) {
      for (const std::uint8_t door : std::array<std::uint8_t, 3>{0, 1, 192}) {
        for (const std::uint32_t number :
             {0U, 1U, 2U, 3U, 4U, 5U, 6U, 7U, 8U, 9U, 10U, 11U, UINT32_MAX - 1, UINT32_MAX}) {
          const DisplayRows rows = display_rows({static_cast<PanelMessage>(i), door, number}, language, "1234567890");
          for (const std::string& row : rows) {
            EXPECT_LE(display_columns(row), kDisplayColumns) << row;
            EXPECT_EQ(row.find_first_of("{}"), std::string::npos) << row;
          }
        }
      }
    }
  }
}

TEST(PanelText, FillsInDoorsNumbersAndWords) {
  const auto shows = [](PanelMessage message, std::uint8_t door, std::uint32_t number, PanelLanguage language) {
    return joined(display_rows({message, door, number}, language, "12"));
  };
  using enum PanelMessage;
  constexpr auto kEn = PanelLanguage::kEnglish;
  constexpr auto kZh = PanelLanguage::kChinese;
  EXPECT_EQ(shows(kPutIn, 192, 0, kZh), "192号格口已打开|请放入包裹|并关好柜门|*取消 SMLX换格口");
  EXPECT_EQ(shows(kWrongCode, 0, UINT32_MAX, kZh), "取件码错误|请重新输入并按#|还可尝试4294967295次|**");
  EXPECT_EQ(shows(kIdle, 0, 0, kEn), "Enter code, then #|or scan QR code.|Courier: scan pass|**            G 中文");
  EXPECT_EQ(shows(kDoorNumber, 0, 4, kEn), "Take out of service|Door number, then #|12|* back");
  EXPECT_EQ(shows(kTurnedAway, 0, 5, kEn), "Cannot take it:|station is offline||Scan next, or * end");
  EXPECT_EQ(shows(kTurnedAway, 0, 99, kZh), "无法存放|暂时无法投递||扫描下一件或按*结束");
  EXPECT_EQ(shows(kAuditItem, 7, 9, kZh), "7号格口|状态存疑|# 查看   5 恢复|* 下一个");
  EXPECT_EQ(shows(kLockedOut, 0, 30, kEn), "Too many wrong codes|Wait 30 s.||");
  EXPECT_EQ(shows(kLockedOut, 0, UINT32_MAX, kZh), "取件码错误次数过多|请联系客服||");
  EXPECT_EQ(shows(kServiceDone, 7, 0, kEn), "Done|Door 7||");
  EXPECT_EQ(shows(kServiceDone, 0, 3, kEn), "Done||Count: 3|");
  EXPECT_EQ(shows(kCancelled, 0, 0, kZh), "已取消|||扫描下一件或按*结束");
  EXPECT_EQ(display_line({kServiceRefused, 12, 0}, kEn), "Not possible / Door 12");
}

TEST(PanelDisplay, HoldsWhatIsSaidInPassingUntilItWasReadOrAKeyIsPressed) {
  using enum PanelMessage;
  PanelDisplay display;
  const Instant start{5'000'000};
  display.show({kCollected, 3, 0}, start);
  display.show({kIdle, 0, 0}, start);
  EXPECT_EQ(display.screen(start).message, kCollected);
  EXPECT_EQ(display.newest().message, kIdle);
  EXPECT_EQ(display.screen(start + PanelDisplay::kBriefFor - Duration{1}).message, kCollected);
  EXPECT_EQ(display.screen(start + PanelDisplay::kBriefFor).message, kIdle);
  display.on_key('1');
  EXPECT_EQ(display.screen(start).message, kIdle);
  EXPECT_EQ(display.digits(), "1");
  display.show({kWrongCode, 0, 4}, start);
  EXPECT_EQ(display.screen(start).message, kWrongCode);
  EXPECT_EQ(display.digits(), "");
}

TEST(PanelDisplay, KeepsBriefMessagesInOrderAndOnlyTheLastOfTheOthers) {
  using enum PanelMessage;
  PanelDisplay display;
  const Instant start{1'000'000};
  const Duration held = PanelDisplay::kBriefFor;
  display.show({kDoorFailed, 1, 0}, start);
  display.show({kOpening, 2, 0}, start);
  display.show({kDoorFailed, 2, 0}, start);
  display.show({kOpening, 3, 0}, start);
  display.show({kPutIn, 3, 0}, start);
  EXPECT_EQ(display.screen(start).compartment, 1);
  EXPECT_EQ(display.screen(start + held).compartment, 2);
  EXPECT_EQ(display.screen(start + held).message, kDoorFailed);
  EXPECT_EQ(display.screen(start + held * 2).message, kPutIn);
  for (std::uint8_t door = 10; door < 30; ++door) {
    display.show({kRecalled, door, 0}, start);
  }
  EXPECT_EQ(display.newest().compartment, 29);  // More than it can keep: the newest is never lost.
}

class Told final : public PanelReader {
 public:
  void on_screen(PanelMessage message, std::uint8_t, std::uint32_t) override { messages.push_back(message); }
  std::vector<PanelMessage> messages;
};

/// The controller's link on the emulated panel, byte by byte.
struct Line : ::testing::Test {
  TraceHash hash;
  Instant now{1'000'000};
  FrontPanelDevice panel{hash, now};
  drivers::PanelLink link{panel};
  Told told;
  void SetUp() override { panel.set_reader(told); }
};

using PanelLine = Line;

TEST_F(PanelLine, ScreensTonesAndLanguageArrive) {
  link.set_language(drivers::PanelLanguage::kChinese);
  EXPECT_EQ(panel.language(), PanelLanguage::kChinese);
  link.show(drivers::Screen::kWrongCode, 0, 4);
  EXPECT_EQ(panel.display().screen(now).number, 4U);
  EXPECT_EQ(panel.tone(), PanelTone::kError);
  now = now + Duration::seconds(1);
  link.buzz(drivers::Buzz::kAlarm);
  EXPECT_EQ(panel.tone(), PanelTone::kAlarm);
  EXPECT_EQ(panel.tones(), 2U);
  EXPECT_EQ(panel.tone_at(), now);
  EXPECT_EQ(told.messages, std::vector{PanelMessage::kWrongCode});
  link.switch_language();
  EXPECT_EQ(panel.language(), PanelLanguage::kEnglish);
  EXPECT_FALSE(link.at_rest());
  link.show(drivers::Screen::kIdle);
  EXPECT_EQ(panel.language(), PanelLanguage::kChinese);
  EXPECT_TRUE(link.at_rest());
  panel.power_cycle();
  EXPECT_EQ(panel.language(), PanelLanguage::kEnglish);
  EXPECT_EQ(panel.tone(), PanelTone::kNone);
}

TEST_F(PanelLine, EveryScreenOfTheFirmwareIsShownAndHeard) {
  for (std::uint8_t i = 1; i <= kPanelMessages; ++i) {
    const auto screen = static_cast<drivers::Screen>(i);
    const std::uint32_t before = panel.tones();
    link.show(screen, 192, UINT32_MAX);
    EXPECT_EQ(panel.display().newest().message, static_cast<PanelMessage>(i));
    EXPECT_EQ(panel.tones() - before, drivers::tone_of(screen).has_value() ? 1U : 0U);
    panel.power_cycle();
  }
}

}  // namespace
}  // namespace cubby::emulator
