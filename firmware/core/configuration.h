#pragma once

#include <array>
#include <optional>

#include "cubby/v1/config.nanopb.h"
#include "cubby/v1/event.nanopb.h"
#include "firmware/core/allocator.h"
#include "firmware/core/recorder.h"
#include "firmware/core/retention.h"
#include "firmware/drivers/panel_link.h"
#include "firmware/wire/session/uplink.h"

namespace cubby::core {

drivers::PanelLanguage language_of(const cubby_v1_StationConfig& config);

/// The configuration in force: cabinet and name of the file that the port has given, with the file's rules or those
/// that an operator has ordered, whichever have the higher version. docs/spec/records.md, "Rules".
class Configuration {
 public:
  struct Parts {
    Recorder& recorder;
    Allocator& allocator;
    Retention& retention;
    wire::Uplink& uplink;
    drivers::PanelLink& panel;
  };
  explicit Configuration(const Parts& parts) : parts_(parts) {}

  /// At boot, once the journal is mounted. `file` and `bytes` as in Controller::Options; rules of the journal are
  /// written into `file`.
  void start(cubby_v1_StationConfig& file, Bytes bytes);
  const cubby_v1_StationConfig& config() const { return *config_; }
  const std::array<std::byte, limits::kConfigHashSize>& hash() const { return hash_; }
  wire::UplinkPolicy uplink_policy() const;
  Status append_config_applied();
  Status append_snapshot();
  /// Brings allocator and retention up to date with the rules and with every compartment.
  void configure_parts();

  /// What speaks against these rules; nothing is changed.
  std::optional<cubby_v1_CommandRefusal> objection(const cubby_v1_StationRules& rules) const;
  /// Durable and in force when it returns kOk, for rules without objection(). Any error: nothing has changed.
  Status change(const cubby_v1_StationRules& rules, Instant now);
  /// Journals a change that the journal had no room for.
  void tick() { (void)tell(); }
  /// There is one still.
  bool untold() const { return untold_; }

  /// See firmware/base/image.h, `file` and `bytes` start().
  template <typename Image>
  void image(Image& image, cubby_v1_StationConfig& file, Bytes bytes) {
    bool started = config_ != nullptr;
    bool of_file = !bytes_.empty();
    image(started, of_file, hash_, untold_);
    config_ = started ? &file : nullptr;
    bytes_ = of_file ? bytes : Bytes{};
  }

 private:
  void take_over(const cubby_v1_StationRules& rules);
  Status keep_terms(const cubby_v1_StationRules& rules);
  Status tell();

  Parts parts_;
  cubby_v1_StationConfig* config_ = nullptr;
  Bytes bytes_;  // Of the file; empty while an operator's rules are in force.
  std::array<std::byte, limits::kConfigHashSize> hash_{};
  bool untold_ = false;  // A change is in force and not journalled as an event yet.
};

}  // namespace cubby::core
