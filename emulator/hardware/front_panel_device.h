#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "emulator/hardware/panel_display.h"
#include "emulator/world/trace_hash.h"
#include "firmware/hal/front_panel.h"

namespace cubby::emulator {

/// What the panel's buzzer sounds on the controller's behalf; a key clicks by itself.
enum class PanelTone : std::uint8_t { kNone = 0, kOk, kError, kAlarm };

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
  /// The supply is gone: what was typed and shown is lost.
  void power_cycle();

  const PanelDisplay& display() const { return display_; }
  PanelLanguage language() const { return language_; }
  /// The last tone, when it was sounded, and how many there were since the supply came.
  PanelTone tone() const { return tone_; }
  Instant tone_at() const { return tone_at_; }
  std::uint32_t tones() const { return tones_; }

  /// See firmware/base/image.h.
  template <typename Image>
  void image(Image& image) {
    image(input_, display_, language_, tone_, tone_at_, tones_);
  }

 private:
  std::size_t do_receive(MutableBytes into) override;
  Status do_send(Bytes bytes) override;
  void put(std::uint8_t type, Bytes data);
  void take(std::byte type, Bytes data);

  TraceHash* hash_;
  const Instant* now_;
  PanelReader* reader_ = nullptr;
  std::vector<std::byte> input_;
  PanelDisplay display_;
  PanelLanguage language_ = PanelLanguage::kEnglish;
  PanelTone tone_ = PanelTone::kNone;
  Instant tone_at_{};
  std::uint32_t tones_ = 0;
};

}  // namespace cubby::emulator
