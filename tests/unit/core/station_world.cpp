#include "unit/core/station_world.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <iterator>

#include "firmware/base/crc.h"
#include "firmware/base/digest.h"
#include "firmware/base/hotp.h"
#include "firmware/base/pass.h"
#include "firmware/wire/codec/config_codec.h"
#include "firmware/wire/codec/event_codec.h"

namespace cubby::tests {
namespace {

constexpr unsigned kDoorsPerBoard = 8;

StationKey key_of(std::string_view name) {
  const std::array<Bytes, 1> parts{as_bytes(name)};
  return sha256(parts);
}

StationKey station_key_of(std::uint32_t version) {
  return key_of(version == 1 ? "station" : "station " + std::to_string(version));
}

std::vector<std::byte> panel_frame(std::uint8_t type, std::string_view data) {
  std::vector<std::byte> bytes{std::byte{0x55}, std::byte{type}, static_cast<std::byte>(data.size())};
  std::copy_n(as_bytes(data).begin(), data.size(), std::back_inserter(bytes));
  const auto crc = crc16_modbus(Bytes(bytes).subspan(1));
  bytes.push_back(static_cast<std::byte>(crc & 0xFF));
  bytes.push_back(static_cast<std::byte>(crc >> 8));
  return bytes;
}

}  // namespace

class StationWorld::Ports final : public hal::Clock,
                                  public hal::PowerMonitor,
                                  public hal::NetworkLink,
                                  public hal::FrontPanel,
                                  public hal::KeyStore,
                                  public hal::RandomSource,
                                  public hal::Watchdog,
                                  public TraceSink {
 public:
  explicit Ports(StationWorld& world) : world_(world) {}
  std::optional<std::uint64_t> utc_at_zero_ms;
  hal::Supply supply_now = hal::Supply::kMains;
  hal::ResetCause reset_cause_now = hal::ResetCause::kPowerOn;
  Instant panel_busy_until{};
  std::deque<std::byte> typed;

 private:
  std::optional<std::uint64_t> do_utc_ms() const override {
    return utc_at_zero_ms.has_value() ? std::optional(*utc_at_zero_ms + static_cast<std::uint64_t>(world_.now_.ms()))
                                      : std::nullopt;
  }
  void do_set_utc_ms(std::uint64_t utc_ms) override {
    utc_at_zero_ms = utc_ms - static_cast<std::uint64_t>(world_.now_.ms());
  }
  hal::Supply do_supply() const override { return supply_now; }
  hal::ResetCause do_reset_cause() const override { return reset_cause_now; }
  Status do_connect() override { return Status::kOk; }
  hal::LinkState do_state() const override { return hal::LinkState::kDown; }
  Status do_send(Bytes bytes) override {
    // Both the network (never up) and the panel send; only the panel's frames begin with 55.
    if (world_.now_ < panel_busy_until) {
      return Status::kBusy;
    }
    if (bytes.size() == 11 && bytes[1] == std::byte{0x81}) {
      world_.screens_.push_back({static_cast<Screen>(bytes[3]), std::to_integer<unsigned>(bytes[4]),
                                 load_le<std::uint32_t>(bytes.subspan(5, 4))});
    } else if (bytes.size() == 6 && bytes[1] == std::byte{0x82}) {
      world_.tones_.push_back(static_cast<drivers::Buzz>(bytes[3]));
    } else if (bytes.size() == 6 && bytes[1] == std::byte{0x83}) {
      world_.language_ = static_cast<drivers::PanelLanguage>(bytes[3]);
    }
    return Status::kOk;
  }
  std::size_t do_receive(MutableBytes into) override {
    std::size_t size = 0;
    while (size < into.size() && !typed.empty()) {
      into[size++] = typed.front();
      typed.pop_front();
    }
    return size;
  }
  void do_close() override {}
  Result<StationKey> do_station_key(std::uint32_t version) const override {
    const bool is_there = version >= world_.options_.oldest_key && version <= world_.options_.key_version;
    if (!is_there || !world_.options_.has_station_key) {
      return Status::kNotFound;
    }
    return station_key_of(version);
  }
  std::uint16_t do_newest_version() const override { return world_.options_.key_version; }
  Result<StationKey> do_pass_key() const override {
    if (!world_.options_.has_pass_key) {
      return Status::kNotFound;
    }
    return key_of("pass");
  }
  Status do_fill(MutableBytes into) override {
    if (!world_.options_.has_random) {
      return Status::kIo;
    }
    for (std::byte& value : into) {
      value = static_cast<std::byte>(++random_);
    }
    return Status::kOk;
  }
  void do_feed() override {}
  void on_event(std::uint64_t seq, Bytes payload) override {
    if (seq == heard_seq_) {
      return;  // A boot tells the newest again.
    }
    heard_seq_ = seq;
    cubby_v1_Event event;
    if (wire::decode_event(payload, event) == Status::kOk) {
      world_.events_.push_back(event);
    }
    std::string line = std::to_string(seq) + ":" + std::to_string(world_.now_.us) + ":";
    for (const std::byte value : payload) {
      line += std::to_string(std::to_integer<unsigned>(value)) + ",";
    }
    world_.log_.push_back(line);
  }
  void on_compartment(std::uint8_t number, std::uint8_t from, std::uint8_t to) override {
    world_.transitions_.push_back({world_.now_, number, static_cast<core::CompartmentState>(to)});
    world_.log_.push_back("door " + std::to_string(number) + ":" + std::to_string(from) + ">" + std::to_string(to));
  }
  void on_uplink(std::uint8_t, std::uint8_t) override {}

  StationWorld& world_;
  std::uint64_t heard_seq_ = 0;
  std::uint8_t random_ = 0;
};

StationWorld::StationWorld(const Options& options)
    : options_(options), flash_({.sector_count = options.sectors}), ports_(std::make_unique<Ports>(*this)) {
  ports_->utc_at_zero_ms = options.utc_ms;
  cubby_v1_StationConfig config = cubby_v1_StationConfig_init_zero;
  config.version = 1;
  kStation.copy(config.station, kStation.size());
  std::strcpy(config.city, "Taiyuan");
  config.utc_offset_min = 480;
  const auto boards = (options.doors.size() + kDoorsPerBoard - 1) / kDoorsPerBoard;
  for (std::size_t i = 0; i < boards; ++i) {
    config.boards[i].family = cubby_v1_BoardFamily_BOARD_FAMILY_P5;
    config.boards[i].address = static_cast<std::uint8_t>(i + 1);
    config.boards[i].channels = kDoorsPerBoard;
    bus_.add_board(static_cast<std::uint8_t>(i + 1), kDoorsPerBoard);
  }
  config.boards_count = static_cast<pb_size_t>(boards);
  const auto doors = static_cast<pb_size_t>(options.doors.size());
  config.door_board_count = config.door_channel_count = config.door_size_count = config.door_height_cm_count = doors;
  for (std::size_t i = 0; i < doors; ++i) {
    config.door_board[i] = static_cast<std::uint8_t>(i / kDoorsPerBoard);
    config.door_channel[i] = static_cast<std::uint8_t>(i % kDoorsPerBoard);
    config.door_size[i] = options.doors[i];
    config.door_height_cm[i] = static_cast<std::uint8_t>(i < options.heights_cm.size() ? options.heights_cm[i] : 100);
  }
  config.door_item_board_count = config.door_item_channel_count = options.item_sensors == 0 ? pb_size_t{0} : doors;
  for (std::size_t i = 0; i < options.item_sensors; ++i) {
    const auto board = boards + i / kDoorsPerBoard;
    if (config.boards_count == board) {
      config.boards[board].family = cubby_v1_BoardFamily_BOARD_FAMILY_P5;
      config.boards[board].address = static_cast<std::uint8_t>(board + 1);
      config.boards[board].channels = kDoorsPerBoard;
      ++config.boards_count;
      bus_.add_board(static_cast<std::uint8_t>(board + 1), kDoorsPerBoard);
      for (auto& input : bus_.board(static_cast<std::uint8_t>(board + 1)).doors) {
        input.shut_from = {{INT64_MIN, false}};  // Nothing is inside.
      }
    }
    config.door_item_board[i] = static_cast<std::uint8_t>(board);
    config.door_item_channel[i] = static_cast<std::uint8_t>(i % kDoorsPerBoard + 1);
  }
  if (options.share_percent != 0 || options.guaranteed_percent != 0 || options.brand_retention_h != 0) {
    config.brands_count = 1;
    std::strcpy(config.brands[0].carrier, "sf");
    config.brands[0].share_percent = static_cast<std::uint8_t>(options.share_percent);
    config.brands[0].guaranteed_percent = static_cast<std::uint8_t>(options.guaranteed_percent);
    config.brands[0].retention_h = options.brand_retention_h;
  }
  config.retention_h = options.retention_h;
  config.upsizing_steps = options.upsizing_steps;
  config.report_interval_s = options.report_interval_s;
  config.response_deadline_s = 90;
  config.code_digits = options.code_digits;
  config.lock_pulse_ms = 200;
  config.language = options.language;
  bring_config(config);
  flash_.protect(!options.flash_works);
  boot();
}

StationWorld::~StationWorld() = default;

void StationWorld::boot() {
  booted_at_ = now_;
  const hal::Hardware hardware{bus_,    flash_,  *ports_, *ports_, *ports_,
                               *ports_, *ports_, *ports_, *ports_, ports_.get()};
  assembly_ = std::make_unique<app::Assembly>(
      hardware,
      app::AssemblyOptions{.config = config_, .firmware_version = "test", .boot_wait_max = options_.boot_wait_max});
  (void)assembly_->boot(now_);
  wake_ = {};
  wake_.need(now_);
  advance(Duration::seconds(3));
}

void StationWorld::set_keys(std::uint16_t oldest, std::uint16_t newest) {
  options_.oldest_key = oldest;
  options_.key_version = newest;
}

void StationWorld::set_code_digits(std::uint32_t digits) {
  auto config = config_file();
  ++config.version;
  config.code_digits = digits;
  bring_config(config);
}

void StationWorld::power_cycle(Duration off, hal::ResetCause cause) {
  assembly_.reset();
  ports_->reset_cause_now = cause;
  now_ = now_ + off;
  bus_.power_cycle();
  ports_->typed.clear();
  boot();
}

void StationWorld::tick() {
  ++ticks_;
  wake_ = assembly_->tick(now_);
}

/// As the emulator: idle polls that can read nothing new are left out.
Instant StationWorld::next_tick() const {
  if (!options_.skip_idle_polls) {
    return wake_.earliest();
  }
  auto next = wake_.deadline;
  for (std::size_t board = 0; board < bus_.board_count(); ++board) {
    const auto news = bus_.news_from(static_cast<std::uint8_t>(board + 1), now_);
    if (news != Instant::max() && controller().doors().started()) {
      next = std::min(next, controller().doors().idle_poll_of(board, std::max(news, now_ + Duration{1})));
    }
  }
  return next;
}

void StationWorld::run_until(Instant end) {
  tick();
  while (true) {
    const auto next = next_tick();
    if (next > end) {
      break;
    }
    now_ = std::max(next, now_);
    tick();
  }
  now_ = end;
}

void StationWorld::advance(Duration duration) {
  run_until(now_ + duration);
}
Instant StationWorld::now() const {
  return now_;
}

void StationWorld::key(char value) {
  const auto bytes = panel_frame(1, {&value, 1});
  ports_->typed.insert(ports_->typed.end(), bytes.begin(), bytes.end());
  tick();
}

void StationWorld::keys(std::string_view values) {
  for (const char value : values) {
    key(value);
    advance(Duration::milliseconds(300));
  }
}

void StationWorld::scan(std::string_view text) {
  const auto bytes = panel_frame(2, text);
  ports_->typed.insert(ports_->typed.end(), bytes.begin(), bytes.end());
  tick();
  advance(Duration::milliseconds(200));
}

std::string StationWorld::pass(char role, std::string_view holder, std::int64_t issued_s, std::int64_t valid_s,
                               std::string_view station) {
  std::array<char, kPassTextMax> text{};
  const auto now_s =
      static_cast<std::int64_t>(options_.utc_ms.value_or(1'750'000'000'000) / 1000) + now_.us / 1'000'000;
  Pass pass;
  pass.role = role;
  pass.holder.assign(holder);
  pass.issued_utc_s = static_cast<std::uint64_t>(now_s + issued_s);
  pass.expiry_utc_s = static_cast<std::uint64_t>(now_s + valid_s);
  pass.serial = ++serial_;
  return {text.data(), make_pass(key_of("pass"), pass, station, text)};
}

std::string StationWorld::courier_pass(std::string_view carrier, std::int64_t valid_s) {
  return pass(Pass::kCourier, carrier, std::min<std::int64_t>(0, valid_s - 1), valid_s);
}

unsigned StationWorld::deposit_for(std::string_view recipient_scan, std::string_view parcel, std::string_view carrier) {
  scan(courier_pass(carrier));
  scan(parcel);
  scan(recipient_scan);
  key('S');
  advance_seconds(1);
  const auto compartment = last_screen().compartment;
  shut(compartment);
  advance_seconds(1);
  const bool stored = last_screen().screen == Screen::kStored;
  key('*');
  return stored ? compartment : 0;
}

void StationWorld::reissue(unsigned compartment) {
  cubby_v1_Command order = cubby_v1_Command_init_zero;
  order.id[0] = 1;
  order.expires_utc_ms = utc_ms() + 60'000;
  order.which_body = cubby_v1_Command_reissue_tag;
  order.body.reissue.compartment = static_cast<std::uint8_t>(compartment);
  command(order);
  advance_seconds(1);
}

std::string StationWorld::technician_pass() {
  return pass(Pass::kTechnician, "li", 0, 600);
}

unsigned StationWorld::begin_deposit(char size, std::string_view parcel) {
  forget_screens();
  scan(courier_pass());
  scan(parcel);
  key(size);
  advance(Duration::milliseconds(900));
  return last_screen().screen == Screen::kPutIn ? last_screen().compartment : 0;
}

unsigned StationWorld::deposit(char size, std::string_view parcel) {
  const auto compartment = begin_deposit(size, parcel);
  if (compartment != 0) {
    advance_seconds(5);
    sense(compartment, true);
    shut(compartment);
    advance_seconds(2);
    key('*');
    advance_seconds(1);
  }
  return compartment;
}

void StationWorld::enter_code(std::string_view digits, std::string_view second) {
  keys(digits);
  key('#');
  if (!second.empty()) {
    keys(second);
    key('#');
  }
  advance(Duration::milliseconds(900));
}

std::string StationWorld::wrong_code() const {
  std::string code(options_.code_digits, '0');
  for (unsigned i = 1; i <= options_.doors.size(); ++i) {
    if (state(i) == core::CompartmentState::kOccupied && code_of(i) == code) {
      code.assign(options_.code_digits, '1');
    }
  }
  return code;
}

std::string StationWorld::code_of(unsigned compartment) const {
  const auto& parcel = controller().state().compartment(static_cast<std::uint8_t>(compartment)).parcel;
  return std::string(
      pickup_code(station_key_of(parcel.key_version), parcel.code_counter, core::code_digits(parcel)).text());
}

std::string StationWorld::second_of(unsigned compartment) const {
  const auto& second = controller().state().compartment(static_cast<std::uint8_t>(compartment)).parcel.second;
  return second.has_value() ? std::to_string(10'000 + *second).substr(1) : std::string();
}

void StationWorld::shut(unsigned compartment) {
  bus_.move_door(static_cast<std::uint8_t>((compartment - 1) / kDoorsPerBoard + 1),
                 static_cast<std::uint8_t>((compartment - 1) % kDoorsPerBoard), true, now_);
}

void StationWorld::sense(unsigned compartment, bool present, Duration after) {
  if (compartment <= options_.item_sensors) {
    const auto boards = (options_.doors.size() + kDoorsPerBoard - 1) / kDoorsPerBoard;
    bus_.move_door(static_cast<std::uint8_t>(boards + (compartment - 1) / kDoorsPerBoard + 1),
                   static_cast<std::uint8_t>((compartment - 1) % kDoorsPerBoard), present, now_ + after);
  }
}

FakeBus::Board& StationWorld::item_board_of(unsigned compartment) {
  const auto boards = (options_.doors.size() + kDoorsPerBoard - 1) / kDoorsPerBoard;
  return bus_.board(static_cast<std::uint8_t>(boards + (compartment - 1) / kDoorsPerBoard + 1));
}

void StationWorld::force(unsigned compartment) {
  bus_.move_door(static_cast<std::uint8_t>((compartment - 1) / kDoorsPerBoard + 1),
                 static_cast<std::uint8_t>((compartment - 1) % kDoorsPerBoard), false, now_);
}

void StationWorld::jam(unsigned compartment, bool value) {
  board_of(compartment).doors[(compartment - 1) % kDoorsPerBoard].jammed = value;
}

bool StationWorld::is_open(unsigned compartment) const {
  return !bus_.is_shut(static_cast<std::uint8_t>((compartment - 1) / kDoorsPerBoard + 1),
                       static_cast<std::uint8_t>((compartment - 1) % kDoorsPerBoard), now_);
}

FakeBus::Board& StationWorld::board_of(unsigned compartment) {
  return bus_.board(static_cast<std::uint8_t>((compartment - 1) / kDoorsPerBoard + 1));
}

core::CompartmentState StationWorld::state(unsigned compartment) const {
  return controller().state().compartment(static_cast<std::uint8_t>(compartment)).state;
}

void StationWorld::bring_config(const cubby_v1_StationConfig& config) {
  config_.resize(limits::kConfigBytesMax);
  const auto size = wire::encode_config(config, config_);
  config_.resize(size.value());
}

cubby_v1_StationConfig StationWorld::config_file() const {
  cubby_v1_StationConfig config;
  (void)wire::decode_config(config_, config);
  return config;
}

// As the uplink does.
wire::UplinkListener& StationWorld::listener() {
  return assembly_->controller();
}

void StationWorld::command(const cubby_v1_Command& command, Bytes rules) {
  listener().on_command(command, rules);
  tick();
  advance(Duration::milliseconds(900));
}

void StationWorld::centre_time(std::uint64_t utc_ms, Duration round_trip) {
  listener().on_centre_time(utc_ms, round_trip);
}

void StationWorld::gap() {
  listener().on_gap();
  tick();
}

void StationWorld::acknowledge_all() {
  // The controller shows its journal for reading only.
  auto& journal = const_cast<store::Journal&>(controller().journal());
  (void)journal.acknowledge({.seq = journal.next_seq() - 1, .chain = journal.last_chain(), .generation = 1});
}

bool StationWorld::showed(Screen screen) const {
  return std::any_of(screens_.begin(), screens_.end(), [&](const Shown& shown) { return shown.screen == screen; });
}

std::size_t StationWorld::count(drivers::Buzz tone) const {
  return static_cast<std::size_t>(std::count(tones_.begin(), tones_.end(), tone));
}

std::vector<cubby_v1_Event> StationWorld::events(pb_size_t which_body) const {
  std::vector<cubby_v1_Event> found;
  std::copy_if(events_.begin(), events_.end(), std::back_inserter(found),
               [&](const cubby_v1_Event& event) { return event.which_body == which_body; });
  return found;
}

const core::Controller& StationWorld::controller() const {
  return assembly_->controller();
}
core::Reservations& StationWorld::reservations() {
  return assembly_->controller().reservations();
}
void StationWorld::forget_history() {
  screens_.clear();
  tones_.clear();
  events_.clear();
  transitions_.clear();
  log_.clear();
  bus_.forget_frames();
}
void StationWorld::keep_panel_busy(Duration duration) {
  ports_->panel_busy_until = now_ + duration;
}
std::optional<std::uint64_t> StationWorld::clock() const {
  const hal::Clock& clock = *ports_;
  return clock.utc_ms();
}
void StationWorld::set_supply(hal::Supply supply) {
  ports_->supply_now = supply;
}
void StationWorld::set_utc_ms(std::optional<std::uint64_t> utc_ms) {
  ports_->utc_at_zero_ms =
      utc_ms.has_value() ? std::optional(*utc_ms - static_cast<std::uint64_t>(now_.ms())) : std::nullopt;
}

}  // namespace cubby::tests
