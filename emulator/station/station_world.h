#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "emulator/hardware/board_segment.h"
#include "emulator/hardware/boards/line_segment.h"
#include "emulator/hardware/door.h"
#include "emulator/hardware/front_panel_device.h"
#include "emulator/hardware/network_pipe.h"
#include "emulator/hardware/nor_flash_device.h"
#include "emulator/hardware/small_devices.h"
#include "emulator/people/people.h"
#include "emulator/station/remote_controller.h"
#include "emulator/station/station.h"
#include "emulator/world/event_queue.h"
#include "emulator/world/room_meter.h"
#include "emulator/world/trace_hash.h"
#include "firmware/app/assembly.h"
#include "firmware/hal/held_keys.h"

namespace cubby::emulator {

struct StationSetup {
  static constexpr std::uint8_t kNoInput = 0xFF;
  std::string name;
  std::string city;
  std::vector<std::byte> config;                  // Encoded StationConfig.
  std::size_t code_digits = limits::kCodeDigits;  // As in `config`.
  std::size_t compartments = 0;
  std::vector<std::uint8_t> door_board;  // By compartment index.
  std::vector<std::uint8_t> door_channel;
  std::vector<std::uint8_t> item_board;    // By compartment index; empty: no compartment has an item sensor.
  std::vector<std::uint8_t> item_channel;  // Input of that board, from 0; kNoInput: this one has none.
  std::vector<BoardProfile> boards;
  NoiseRates bus_noise;
  StationKeys station_keys;
  PeopleOptions people;
  std::uint64_t start_utc_ms = 0;
  std::uint64_t seed = 0;    // Of this station.
  std::uint64_t run_id = 0;  // Mixed into the random source only: journal ids and nonces.
  bool announce_new_journal = false;
  bool skip_idle_polls = true;
  bool pings = false;                  // Quiet links are kept alive, see FleetOptions.
  RemoteController* remote = nullptr;  // Runs instead of one in here; must outlive the station.
};

/// The one Station there is. The emulated world's time is `now_`; the controller's counts from its boot.
class StationWorld final : public Station, private HostLink, private Premises, private BoardWiring, private TraceSink {
 public:
  /// `profile` and `meter` must outlive the station.
  StationWorld(const Profile& profile, StationSetup setup, RoomMeter& meter);

  Instant now() const override { return now_; }
  std::string_view name() const override { return setup_.name; }
  std::string_view city() const override { return setup_.city; }
  std::size_t compartment_count() const override { return setup_.compartments; }
  Bytes config() const override { return setup_.config; }
  std::size_t code_digits() const override { return setup_.code_digits; }
  void run_until(Instant end) override;
  Instant next_activity() const override;
  HostLink& link() override { return *this; }
  const HostLink& link() const override { return *this; }
  void freeze_people(bool frozen) override;
  bool settled() const override;
  std::uint64_t inject(const Injection& injection) override;
  std::optional<InjectionResult> injection_result(std::uint64_t ticket) const override;
  std::optional<ToldCode> deposit_code(std::uint64_t ticket) const override;
  Status move_by_hand(const HandMove& move, Instant now) override;
  PanelView panel(Instant now) const override;
  const std::vector<LedgerRow>& ledger() const override { return people_.ledger(); }
  StationCounters counters() const override;
  std::uint64_t trace_hash() const override { return hash_.value(); }
  std::size_t save(std::vector<std::byte>& blob) const override;
  Status load(Bytes blob) override;
  Status suspend(std::vector<std::byte>& blob) override;
  Status resume(Bytes blob) override;

  /// Puts an injection into the future.
  void schedule_injection(Instant at, const Injection& injection);
  /// Power is cut at that flash operation from now, torn in that way, and comes back after `off`.
  void cut_at_flash_operation(std::uint64_t operations, TearMode mode, Duration off);
  const NorFlashDevice& flash() const { return flash_; }
  const Door& door(std::size_t index) const { return doors_[index]; }
  /// Null while there is no power, and if it is remote.
  const core::Controller* controller() const { return controller_.has_value() ? &controller_->controller() : nullptr; }

 private:
  enum class Timer : std::uint8_t {
    kLatchReleases = kPeopleTimers + 1,
    kLinkDown,
    kLinkUp,
    kPowerOff,
    kPowerOn,
    kMainsLost,
    kMainsBack,
    kInjection,
    kItemSensorMended,
    kForcedDoorShut,
    kBoardFallsSilent,
  };

  // HostLink
  bool wants_connection() const override { return pipe_.wants_connection(); }
  void connected() override;
  void refused() override;
  bool is_up() const override { return pipe_.is_up(); }
  void disconnected() override;
  Bytes outgoing() const override { return pipe_.outgoing(); }
  void consume_outgoing(std::size_t size) override { pipe_.consume_outgoing(size); }
  void deliver(Bytes bytes) override;
  // Premises
  void press(char key) override;
  void scan(std::string_view text) override;
  void shut(std::uint8_t door) override;
  void item_moved(std::uint8_t door, bool inside) override;
  void schedule(Instant at, std::uint8_t kind, std::uint8_t door, std::uint64_t argument) override;
  void set_alarm(Instant at, std::uint8_t kind, std::uint64_t argument) override;
  void forget_alarm() override { queue_.forget_alarm(); }
  void trace(std::uint64_t detail) override { hash_.add(TraceKind::kPerson, now_, detail); }
  // BoardWiring
  bool input(std::uint8_t board, std::uint8_t channel, Instant at) override;
  std::uint64_t inputs(std::uint8_t board, std::uint8_t channels, Instant at) override;
  void coil_on(std::uint8_t board, std::uint8_t channel, Instant from, Duration length) override;
  // TraceSink
  void on_event(std::uint64_t seq, Bytes payload) override;
  void on_compartment(std::uint8_t number, std::uint8_t from, std::uint8_t to) override;
  void on_uplink(std::uint8_t from, std::uint8_t to) override;

  void connect_boards();
  void connect_doors();
  void note_levels();
  void note_level(std::uint8_t board, std::uint8_t channel, bool level, Instant steady_from);
  hal::Hardware hardware();
  app::AssemblyOptions assembly_options() const;
  void start_controller();
  void power_on();
  void power_off();
  void tick();
  Wake tick_remote(Instant now);
  void forget_news();
  Instant poll_of(std::size_t board, Instant from) const;
  Instant next_poll() const;
  void handle(const WorldEvent& event);
  void move_door(std::uint8_t door, bool shut);
  void break_item_sensor(std::uint8_t door, ItemFault fault);
  void change_item(std::uint8_t door, bool inside, ItemFault fault);
  void force(std::uint8_t door, Duration open_for);
  void start_injection(std::uint64_t ticket, const Injection& injection);
  void start_planned(std::uint64_t ticket);
  Notice notice_of(const Injection& injection) const;
  void schedule_outage();
  void schedule_mains_loss();
  void schedule_board_silence();
  void silence_a_board();
  void lose_mains();
  void notice_acks(Bytes bytes);

  StationSetup setup_;
  const Profile& profile_;
  RoomMeter& meter_;
  Instant now_{};
  bool started_ = false;
  TraceHash hash_;
  EventQueue queue_;
  Prng faults_;
  Prng doors_prng_;
  std::vector<Door> doors_;
  static constexpr std::size_t kInputsMax = 64;  // Of a board.
  std::vector<std::uint8_t> door_at_;            // By board * kInputsMax + channel; 0xFF: no door.
  std::vector<std::uint8_t> item_at_;            // The same, of item sensors; empty: there are none.
  // What all inputs of a board say, a bit each, from a time on: then none of them has to be asked.
  struct Levels {
    std::uint64_t ones = 0;
    Instant steady_from{};
  };
  std::vector<Levels> levels_;  // By board.
  std::unique_ptr<BoardSegment> segment_;
  LineSegment* line_ = nullptr;  // The same, if it is one.
  NorFlashDevice flash_;
  RtcDevice clock_;
  SupplyDevice supply_;
  NetworkPipe pipe_;
  FrontPanelDevice panel_;
  hal::HeldKeys keys_;
  RandomDevice random_;
  WatchdogDevice watchdog_;
  People people_;
  std::optional<app::Assembly> controller_;  // If it is not remote.
  bool powered_ = false;
  Instant boot_{};
  Wake wake_;  // In the world's time.
  // When a board with these news is polled next; worked out when somebody asks. 0: not yet, since the last tick.
  mutable std::uint32_t poll_for_ = 0;
  mutable Instant poll_at_{};
  bool tick_now_ = false;
  bool frozen_ = false;
  std::vector<WorldEvent> frozen_timers_;
  std::uint32_t link_down_count_ = 0;  // Overlapping reasons.
  Duration flash_cut_off_{};
  struct Planned {
    std::uint64_t ticket = 0;
    Injection injection;
  };
  void save_world(BlobWriter& writer) const;
  /// Everything but the flash, which follows; `powered`: the controller ran.
  bool load_world(BlobReader& reader, bool& powered);
  // World and flash of a blob of that version; `rest` is what it has beyond.
  Status load_blob(Bytes blob, std::uint32_t version, bool& powered, Bytes& rest);
  template <typename Image>
  void image(Image& image);
  static void save_planned(const Planned& planned, BlobWriter& writer);
  static void load_planned(BlobReader& reader, Planned& planned);
  std::vector<Planned> planned_;
  std::vector<std::uint64_t> fault_tickets_;
  std::uint64_t next_ticket_ = 1;
  StationCounters counts_;
  std::uint64_t heard_seq_ = 0;  // Newest event that the controller told of.
};

}  // namespace cubby::emulator
