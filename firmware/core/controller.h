#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "cubby/v1/config.nanopb.h"
#include "firmware/base/inplace_vector.h"
#include "firmware/core/allocator.h"
#include "firmware/core/configuration.h"
#include "firmware/core/door_alarm.h"
#include "firmware/core/door_watch.h"
#include "firmware/core/openings.h"
#include "firmware/core/outbox.h"
#include "firmware/core/panel_flow.h"
#include "firmware/core/pickup_codes.h"
#include "firmware/core/recorder.h"
#include "firmware/core/remote_control.h"
#include "firmware/core/reservations.h"
#include "firmware/core/retention.h"
#include "firmware/drivers/door_bank.h"
#include "firmware/drivers/panel_link.h"
#include "firmware/hal/hardware.h"
#include "firmware/store/journal.h"
#include "firmware/wire/session/uplink.h"

namespace cubby::core {

/// One station's brain: one tick that does all work that is due.
class Controller final : public wire::UplinkListener {
 public:
  struct Options {
    /// Checked; must outlive the controller, which writes an operator's rules into it.
    cubby_v1_StationConfig* config = nullptr;
    Bytes config_bytes;  // The same, encoded; must outlive boot().
    std::string_view firmware_version;
    bool announce_new_journal = false;
    Duration tick_lateness{};  // See drivers::DoorBank::Options::lateness.
    /// How long a boot waits at most before it writes to the flash, see boot(); 0: never.
    Duration boot_wait_max{};
  };

  explicit Controller(const hal::Hardware& hardware);

  /// Mounts (or, on blank flash, formats) the journal, recovers the state, journals the boot, starts
  /// doors and uplink. Any error: safe mode, doors stay locked and the panel says "out of service". After two
  /// boots in a row that did not last a minute it is tick() that does all this, 1 s later, and after each
  /// further one twice as late: a supply that comes and goes shall not wear the flash out. `options` and what
  /// it refers to must then outlive that.
  Status boot(const Options& options, Instant now);
  Wake tick(Instant now);

  /// False: safe mode, or waiting().
  bool running() const { return running_; }
  bool waiting() const { return boot_at_.has_value(); }
  /// The centre has acknowledged every event and none is still to be written, or there is no uplink: safe mode.
  bool settled() const {
    return running_ ? uplink_.acknowledged_seq() + 1 == journal_.next_seq() && !untold() : !waiting();
  }
  const StationState& state() const { return recorder_.state(); }
  const Configuration& configuration() const { return configuration_; }
  const store::Journal& journal() const { return journal_; }
  const wire::Uplink& uplink() const { return uplink_; }
  const drivers::DoorBank& doors() const { return doors_; }
  const store::MountReport& mount_report() const { return mount_report_; }
  /// Only between ticks, and while running().
  Reservations& reservations() { return reservations_; }

  /// See firmware/base/image.h; `options` as in boot().
  template <typename Image>
  void image(Image& image, const Options& options) {
    options_ = options;
    cubby_v1_StationConfig& config = *options.config;
    image(journal_, recorder_);
    uplink_.image(image, config.station);
    image(doors_, panel_, openings_, door_watch_, door_alarm_);
    retention_.image(image, config);
    allocator_.image(image, config);
    image(codes_, throttle_, reservations_);
    configuration_.image(image, config, options.config_bytes);
    image(remote_);
    flow_.image(image, config.station);
    image(boot_at_, settle_at_, mount_report_, off_ms_, running_, snapshot_wanted_, booted_told_, boot_untold_);
  }

 private:
  // wire::UplinkListener; they only note, tick() acts.
  void on_centre_time(std::uint64_t utc_ms, Duration round_trip) override;
  void on_command(const cubby_v1_Command& command, Bytes rules) override { remote_.take(command, rules); }
  void on_gap() override { snapshot_wanted_ = true; }

  Duration boot_wait();
  Status start(Instant now);
  void tend_journal(Instant now, Wake& wake);
  Status open_journal();
  Status journal_boot();
  Status tell_boot();
  /// A boot, a Snapshot or changed rules wait for room in the journal.
  bool untold() const { return (boot_untold_ || snapshot_wanted_ || configuration_.untold()) && recorder_.healthy(); }
  void note_time_off();
  Status append_journal_opened();
  Status append_booted();
  void configure_doors();
  Status start_uplink(Instant now);

  void take_door_events(Instant now);
  void take_news(Instant now);
  void take_inputs(Instant now);
  void refresh_indexes();
  void put_code(std::uint8_t number, const Parcel& parcel);
  void compare_item(std::uint8_t number);
  Wake safe_tick(Instant now);

  hal::Hardware hardware_;
  store::Journal journal_;
  Recorder recorder_;
  Outbox outbox_;
  wire::Uplink uplink_;
  drivers::DoorBank doors_;
  drivers::PanelLink panel_;
  Openings openings_;
  DoorWatch door_watch_;
  DoorAlarm door_alarm_;
  Retention retention_;
  Allocator allocator_;
  PickupCodes codes_;
  Throttle throttle_;
  Reservations reservations_;
  ServiceActions actions_;
  Configuration configuration_;
  RemoteControl remote_;
  PanelFlow flow_;

  Options options_;
  std::optional<Instant> boot_at_;
  Instant settle_at_{};
  store::MountReport mount_report_;
  std::optional<std::uint64_t> off_ms_;  // Before this boot, if the clock can say.
  bool running_ = false;
  bool snapshot_wanted_ = false;
  bool booted_told_ = false;
  bool boot_untold_ = false;  // Something of tell_boot() found no room in the journal.
};

}  // namespace cubby::core
