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
};

enum class Buzz : std::uint8_t { kOk = 1, kError = 2 };

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

  /// `number`: see docs/spec/panel.md. If the panel cannot take it now, it waits; the oldest waiting
  /// frame is given up when there are too many.
  void show(Screen screen, std::uint8_t compartment = 0, std::uint32_t number = 0);
  void buzz(Buzz buzz);
  /// Sends what waits. True: nothing waits any more.
  bool flush();

 private:
  static constexpr std::size_t kDataMax = 80;
  static constexpr std::size_t kOverhead = 5;  // 55, type, length, CRC.
  static constexpr std::size_t kOutMax = 11;
  static constexpr std::size_t kWaitingMax = 8;
  struct OutFrame {
    std::array<std::byte, kOutMax> bytes{};
    std::uint8_t size = 0;
  };

  bool fill();
  bool parse(PanelInput& input);
  void drop(std::size_t count);
  void send(std::uint8_t type, Bytes data);

  hal::FrontPanel& panel_;
  std::array<std::byte, kDataMax + kOverhead> in_{};
  std::size_t in_size_ = 0;
  std::array<OutFrame, kWaitingMax> waiting_{};
  std::size_t waiting_first_ = 0;
  std::size_t waiting_count_ = 0;
};

}  // namespace cubby::drivers
