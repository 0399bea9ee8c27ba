#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "firmware/base/inplace_string.h"
#include "firmware/base/instant.h"
#include "firmware/base/limits.h"
#include "firmware/hal/front_panel.h"

namespace cubby::drivers {

/// What the panel's display is told to show; docs/spec/panel.md.
enum class Screen : std::uint8_t {
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

/// A key clicks by itself; these the controller asks for.
enum class Buzz : std::uint8_t {
  kOk = 1,     // What was asked for is being done, or was.
  kError = 2,  // It is not.
  kAlarm = 3,  // Seconds long: a door stands open.
};

/// What is heard when that screen is shown; nullopt: nothing.
std::optional<Buzz> tone_of(Screen screen);

/// Numbers as in config.proto.
enum class PanelLanguage : std::uint8_t { kEnglish = 1, kChinese = 2 };

/// A key or a scan of the panel.
struct PanelInput {
  enum class Kind : std::uint8_t { kKey, kScan };
  Kind kind = Kind::kKey;
  char key = 0;
  InplaceString<limits::kPanelTextMax> text;
};

/// The panel's byte protocol. Bytes that are no valid frame are skipped.
class PanelLink {
 public:
  explicit PanelLink(hal::FrontPanel& panel) : panel_(panel) {}

  /// The next complete input, or nullopt when nothing more has arrived.
  std::optional<PanelInput> next_input();

  /// Shows it and sounds its tone. `number`: see docs/spec/panel.md. If the panel cannot take it now, it
  /// waits; the oldest waiting screen is given up when there are too many.
  void show(Screen screen, std::uint8_t compartment = 0, std::uint32_t number = 0);
  /// Of tones that wait only the newest is sounded.
  void buzz(Buzz buzz);
  /// The language of the station. Never given up: it goes before all that waits.
  void set_language(PanelLanguage language);
  /// The station has another language from now on; whoever stands at the panel keeps theirs until IDLE is shown.
  void change_language(PanelLanguage language);
  /// To the other language, until IDLE is shown.
  void switch_language();
  /// IDLE is shown, in the station's language.
  bool at_rest() const { return screen_ == Screen::kIdle && language_ == station_language_; }
  /// Sends what waits. True: nothing waits any more.
  bool flush();

  /// See firmware/base/image.h.
  template <typename Image>
  void image(Image& image) {
    image(in_, in_size_, station_language_, language_, screen_, waiting_, waiting_first_, waiting_count_,
          waiting_language_, waiting_buzz_);
  }

 private:
  static constexpr std::size_t kDataMax = 80;
  static constexpr std::size_t kOverhead = 5;  // 55, type, length, CRC.
  static constexpr std::size_t kScreenSize = 6;
  static constexpr std::size_t kWaitingMax = 8;

  bool fill();
  bool parse(PanelInput& input);
  void drop(std::size_t count);
  void speak(PanelLanguage language);
  bool send(std::uint8_t type, Bytes data);
  bool send_byte(std::uint8_t type, std::uint8_t& value);

  hal::FrontPanel& panel_;
  std::array<std::byte, kDataMax + kOverhead> in_{};
  std::size_t in_size_ = 0;
  PanelLanguage station_language_ = PanelLanguage::kEnglish;
  PanelLanguage language_ = PanelLanguage::kEnglish;
  Screen screen_ = Screen::kIdle;  // That the panel was told last.
  std::array<std::array<std::byte, kScreenSize>, kWaitingMax> waiting_{};
  std::size_t waiting_first_ = 0;
  std::size_t waiting_count_ = 0;
  std::uint8_t waiting_language_ = 0;  // 0: none.
  std::uint8_t waiting_buzz_ = 0;      // 0: none.
};

}  // namespace cubby::drivers
