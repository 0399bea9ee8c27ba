#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "emulator/world/trace_hash.h"
#include "firmware/hal/front_panel.h"

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
};

/// Who stands before the panel and reads it.
class PanelReader {
 public:
  virtual void on_screen(PanelMessage message, std::uint8_t compartment, std::uint32_t number) = 0;

 protected:
  ~PanelReader() = default;
};

/// The panel module: keys and scans in, a display out.
class FrontPanelDevice final : public hal::FrontPanel {
 public:
  FrontPanelDevice(TraceHash& hash, const Instant& now) : hash_(&hash), now_(&now) {}

  void set_reader(PanelReader& reader) { reader_ = &reader; }
  void press(char key);
  void scan(std::string_view text);
  /// Bytes for the controller that it has not fetched.
  bool has_input() const { return !input_.empty(); }
  /// The supply is gone: what was typed is lost.
  void power_cycle() { input_.clear(); }

 private:
  std::size_t do_receive(MutableBytes into) override;
  Status do_send(Bytes bytes) override;
  void put(std::uint8_t type, Bytes data);

  TraceHash* hash_;
  const Instant* now_;
  PanelReader* reader_ = nullptr;
  std::vector<std::byte> input_;
};

/// The display's text for a message, in English and in Chinese, at most 20 columns a line.
struct PanelText {
  std::string_view english;
  std::string_view chinese;
};
PanelText panel_text(PanelMessage message);

}  // namespace cubby::emulator
