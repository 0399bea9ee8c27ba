#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cubby/v1/config.nanopb.h"
#include "cubby/v1/event.nanopb.h"
#include "cubby/v1/uplink.nanopb.h"
#include "firmware/app/assembly.h"
#include "firmware/drivers/panel_link.h"
#include "support/fake_bus.h"
#include "support/ram_flash.h"

namespace cubby::tests {

using drivers::Screen;

inline constexpr std::string_view kStation = "SX-TY-0007";

struct Shown {
  Screen screen{};
  unsigned compartment = 0;
  std::uint32_t number = 0;
};

/// One station with everything around it, in virtual time. A test is a person or a fault.
class StationWorld {
 public:
  struct Options {
    std::vector<cubby_v1_Size> doors{cubby_v1_Size_SIZE_S, cubby_v1_Size_SIZE_S, cubby_v1_Size_SIZE_M,
                                     cubby_v1_Size_SIZE_L};
    std::uint32_t upsizing_steps = 1;
    std::uint32_t retention_h = 48;
    std::vector<unsigned> heights_cm{};    // Of the doors' lower edges; 100 where none is said.
    std::uint32_t share_percent = 0;       // Of carrier "sf".
    std::uint32_t guaranteed_percent = 0;  // Of carrier "sf".
    std::uint32_t brand_retention_h = 0;   // Of carrier "sf".
    std::optional<std::uint64_t> utc_ms = 1'750'000'000'000;
    std::size_t item_sensors = 0;  // The first doors have one, on boards of their own.
    bool skip_idle_polls = false;  // As the emulator does.
    std::uint32_t sectors = 32;
    std::uint32_t code_digits = 8;
    std::uint32_t report_interval_s = 0;
    bool has_station_key = true;
    std::uint16_t key_version = 1;  // Of the newest station key ...
    std::uint16_t oldest_key = 1;   // ... and of the oldest one that there still is.
    bool has_pass_key = true;
    bool has_random = true;    // Else no random numbers can be had.
    bool flash_works = true;   // Else it is write-protected from the start.
    Duration boot_wait_max{};  // See core::Controller::boot().
    cubby_v1_PanelLanguage language = cubby_v1_PanelLanguage_PANEL_LANGUAGE_UNSPECIFIED;
  };

  explicit StationWorld(const Options& options);
  StationWorld() : StationWorld(Options{}) {}
  ~StationWorld();

  // Time.
  void advance(Duration duration);
  void advance_seconds(std::int64_t seconds) { advance(Duration::seconds(seconds)); }
  Instant now() const;
  /// In force after the next power cycle, as a changed configuration is.
  void set_code_digits(std::uint32_t digits);
  void set_keys(std::uint16_t oldest, std::uint16_t newest);
  /// Off at once, on again after `off`; whatever is in memory is lost.
  void power_cycle(Duration off = Duration::seconds(10), hal::ResetCause cause = hal::ResetCause::kPowerOn);

  // People.
  void key(char key);
  void keys(std::string_view keys);
  void scan(std::string_view text);
  /// Issued and valid until so many seconds from now.
  std::string pass(char role, std::string_view holder, std::int64_t issued_s, std::int64_t valid_s,
                   std::string_view station = kStation);
  std::string courier_pass(std::string_view carrier = "sf", std::int64_t valid_s = 43'200);
  std::string technician_pass();
  /// Courier's flow up to the open door; returns its number (0: turned away).
  unsigned begin_deposit(char size = 'S', std::string_view parcel = "P1");
  /// The whole deposit, the parcel put in; returns the compartment's number.
  unsigned deposit(char size = 'S', std::string_view parcel = "P1");
  /// A small parcel for the recipient of that scan, from the courier's pass to the good-bye; returns the compartment's
  /// number, 0 if it was not stored.
  unsigned deposit_for(std::string_view recipient_scan, std::string_view parcel, std::string_view carrier = "sf");
  /// The centre's order of a new code, a second ago.
  void reissue(unsigned compartment);
  /// After a short code the second input, if one is given.
  void enter_code(std::string_view digits, std::string_view second = {});
  /// Digits that open nothing.
  std::string wrong_code() const;
  std::string code_of(unsigned compartment) const;
  /// What belongs to that code; empty: it is typed alone.
  std::string second_of(unsigned compartment) const;
  /// From the centre; over the wire in tests/integration.
  /// `rules` of a Configure, encoded.
  void command(const cubby_v1_Command& command, Bytes rules = {});
  /// What the port will give at the next boot; a technician has brought it.
  void bring_config(const cubby_v1_StationConfig& config);
  /// What the port gives.
  cubby_v1_StationConfig config_file() const;
  void centre_time(std::uint64_t utc_ms, Duration round_trip);
  /// Events were lost on the way; the centre asks where everything stands.
  void gap();
  /// The centre has everything: the journal may discard what it needs room for.
  void acknowledge_all();
  std::uint64_t utc_ms() const { return *options_.utc_ms + static_cast<std::uint64_t>(now_.us / 1'000); }
  void shut(unsigned compartment);
  /// The item sensor says so from `after` now on.
  void sense(unsigned compartment, bool present, Duration after = {});
  FakeBus::Board& item_board_of(unsigned compartment);
  void force(unsigned compartment);
  void jam(unsigned compartment, bool value = true);
  bool is_open(unsigned compartment) const;
  FakeBus::Board& board_of(unsigned compartment);

  // What there is to see.
  core::CompartmentState state(unsigned compartment) const;
  const std::vector<Shown>& screens() const { return screens_; }
  Shown last_screen() const { return screens_.empty() ? Shown{} : screens_.back(); }
  bool showed(Screen screen) const;
  void forget_screens() { screens_.clear(); }
  const std::vector<drivers::Buzz>& tones() const { return tones_; }
  std::size_t count(drivers::Buzz tone) const;
  void forget_tones() { tones_.clear(); }
  drivers::PanelLanguage language() const { return language_; }
  /// Events of that kind so far, over all boots.
  std::vector<cubby_v1_Event> events(pb_size_t which_body) const;
  /// All of them, in order.
  const std::vector<cubby_v1_Event>& events() const { return events_; }
  struct Transition {
    Instant at{};
    unsigned door = 0;
    core::CompartmentState to{};
  };
  /// Steps of compartments from one state to another, in order.
  const std::vector<Transition>& transitions() const { return transitions_; }
  Instant booted_at() const { return booted_at_; }
  /// All events as text: seq, time, bytes.
  std::vector<std::string> log() const { return log_; }
  const core::Controller& controller() const;
  /// Follow what you do with it by advance().
  core::Reservations& reservations();
  FakeBus& bus() { return bus_; }
  const FakeBus& bus() const { return bus_; }
  RamFlash& flash() { return flash_; }
  void set_supply(hal::Supply supply);
  /// The panel takes nothing that it is told to show.
  void keep_panel_busy(Duration duration);
  std::optional<std::uint64_t> clock() const;  // What the station's own says.
  void set_utc_ms(std::optional<std::uint64_t> utc_ms);
  /// That a board is silent is news only for who polls it.
  void set_skip_idle_polls(bool value) { options_.skip_idle_polls = value; }
  /// What was shown, sounded, sent on the bus and journalled so far; for those who play millions of visits.
  void forget_history();
  std::size_t ticks() const { return ticks_; }
  std::size_t openings() const { return bus_.unlocks().size(); }

 private:
  class Ports;
  wire::UplinkListener& listener();
  void boot();
  void tick();
  void run_until(Instant end);
  Instant next_tick() const;

  Options options_;
  FakeBus bus_;
  RamFlash flash_;
  std::unique_ptr<Ports> ports_;
  std::vector<std::byte> config_;
  std::unique_ptr<app::Assembly> assembly_;
  std::uint32_t serial_ = 0;  // Of the last pass.
  Wake wake_;
  Instant now_{};
  std::vector<Shown> screens_;
  std::vector<drivers::Buzz> tones_;
  drivers::PanelLanguage language_ = drivers::PanelLanguage::kEnglish;
  std::vector<cubby_v1_Event> events_;
  std::vector<Transition> transitions_;
  Instant booted_at_{};
  std::vector<std::string> log_;
  std::size_t ticks_ = 0;
};

}  // namespace cubby::tests
