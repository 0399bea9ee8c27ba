#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "firmware/base/inplace_string.h"
#include "firmware/base/instant.h"

namespace cubby::emulator {

/// Messages of the display; docs/spec/panel.md. The panel knows the texts, the controller the numbers.
enum class PanelMessage : std::uint8_t {
  kIdle = 1,
  kCourierReady,
  kChooseSize,
  kOpening,
  kPutIn,
  kStored,
  kTurnedAway,
  kWrongCode,
  kLockedOut,
  kTakeOut,
  kCollected,
  kDoorFailed,
  kRecallOpen,
  kRecalled,
  kRecallDone,
  kWrongPass,
  kOutOfService,
  kPleaseShut,
  kCancelled,
  kRefused,
  kServiceMenu,
  kDoorNumber,
  kLookInside,
  kInside,
  kAuditItem,
  kServiceDone,
  kServiceRefused,
  kWrongStation,
  kSenderReady,
  kSecondInput,
  kDoubted,
};
inline constexpr std::uint8_t kPanelMessages = 31;

/// Numbers as in config.proto.
enum class PanelLanguage : std::uint8_t { kEnglish = 1, kChinese = 2 };

/// The keypad has these.
inline constexpr std::string_view kPanelKeys = "0123456789#*SMLXWRNG";

struct PanelScreen {
  PanelMessage message = PanelMessage::kIdle;
  std::uint8_t compartment = 0;  // Number; 0: none.
  std::uint32_t number = 0;
};

/// What stands on the display, from the screens that were sent and the keys that were pressed.
class PanelDisplay {
 public:
  /// What is said in passing (PanelText::brief) stays so long before the next screen takes its place, unless
  /// a key is pressed: somebody should have read it.
  static constexpr Duration kBriefFor = Duration::seconds(2);

  void show(const PanelScreen& screen, Instant at);
  /// A key or a scan: who acts has read. Digits are echoed until the next screen.
  void on_key(char key);
  PanelScreen screen(Instant at) const;
  /// The last that was sent, shown or not yet.
  const PanelScreen& newest() const { return waiting_count_ == 0 ? shown_ : waiting_[waiting_count_ - 1U]; }
  std::string_view digits() const { return digits_.view(); }

 private:
  static constexpr std::size_t kWaitingMax = 4;
  static constexpr std::size_t kDigitsMax = 10;

  void put(const PanelScreen& screen, Instant at);
  void advance(Instant at);

  PanelScreen shown_;
  Instant held_until_{};                            // A brief message.
  std::array<PanelScreen, kWaitingMax> waiting_{};  // After brief ones; only the last may be another.
  std::uint8_t waiting_count_ = 0;
  InplaceString<kDigitsMax> digits_;
};

}  // namespace cubby::emulator
