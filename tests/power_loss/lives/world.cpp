#include "power_loss/lives/world.h"

#include <algorithm>
#include <cstring>

#include "firmware/base/crc.h"
#include "firmware/base/digest.h"
#include "firmware/base/hotp.h"
#include "firmware/base/pass.h"
#include "firmware/core/pickup_codes.h"
#include "firmware/wire/codec/config_codec.h"

namespace cubby::power_loss {
namespace {

using drivers::Screen;

StationKey key_of(std::string_view name) {
  const std::array<Bytes, 1> parts{as_bytes(name)};
  return sha256(parts);
}

}  // namespace

const StationKey& own_key() {
  static const StationKey key = key_of("station");
  return key;
}

const StationKey& issuer_key() {
  static const StationKey key = key_of("pass");
  return key;
}

std::vector<std::byte> station_config(cubby_v1_BoardFamily family, std::uint8_t channels) {
  cubby_v1_StationConfig config = cubby_v1_StationConfig_init_zero;
  config.version = 1;
  kStation.copy(config.station, kStation.size());
  std::strcpy(config.city, "Taiyuan");
  config.utc_offset_min = 480;
  config.boards[0].family = family;
  config.boards[0].address = 1;
  config.boards[0].channels = channels;
  config.boards_count = 1;
  config.door_board_count = config.door_channel_count = config.door_size_count = config.door_height_cm_count = kDoors;
  for (std::uint8_t i = 0; i < kDoors; ++i) {
    config.door_channel[i] = i;
    config.door_size[i] = i < 2 ? cubby_v1_Size_SIZE_S : cubby_v1_Size_SIZE_M;
    config.door_height_cm[i] = 100;
  }
  config.retention_h = 2;
  config.upsizing_steps = 1;
  config.response_deadline_s = 90;
  config.code_digits = 8;
  config.lock_pulse_ms = 200;
  std::vector<std::byte> bytes(limits::kConfigBytesMax);
  bytes.resize(wire::encode_config(config, bytes).value());
  return bytes;
}

std::vector<std::byte> panel_frame(std::uint8_t type, std::string_view data) {
  std::vector<std::byte> bytes{std::byte{0x55}, std::byte{type}, static_cast<std::byte>(data.size())};
  for (const std::byte byte : as_bytes(data)) {
    bytes.push_back(byte);
  }
  const auto crc = crc16_modbus(Bytes(bytes).subspan(1));
  bytes.push_back(static_cast<std::byte>(crc & 0xFF));
  bytes.push_back(static_cast<std::byte>(crc >> 8));
  return bytes;
}

std::string pass_text(char role, std::uint64_t now_s, std::uint32_t serial) {
  std::array<char, kPassTextMax> text{};
  Pass pass;
  pass.role = role;
  pass.holder.assign(role == Pass::kTechnician ? "li" : "sf");
  pass.issued_utc_s = now_s;
  pass.expiry_utc_s = now_s + 600;
  pass.serial = serial;
  return {text.data(), make_pass(issuer_key(), pass, kStation, text)};
}

unsigned door_unlocked_by(Bytes frame) {
  const bool unlock = frame.size() == 8 && frame[1] == std::byte{5} && frame[2] == std::byte{2};
  return unlock ? std::to_integer<unsigned>(frame[3]) + 1 : 0;
}

World::World(const hal::FlashGeometry& geometry) : flash(geometry) {
  bus.add_board(1, 8);
}

bool World::is_open(unsigned door) const {
  return !bus.is_shut(1, static_cast<std::uint8_t>(door - 1), now);
}

void World::act_at_open_doors() {
  for (unsigned door = 1; door <= kDoors; ++door) {
    if (!is_open(door)) {
      continue;
    }
    if (act == Act::kPuts && !in_hand.empty()) {
      inside[door] = in_hand;
      in_hand.clear();
    } else if (act == Act::kTakes) {
      std::erase_if(accepted, [&](const Accepted& each) { return each.door == door; });
      inside[door].clear();
    } else if (act == Act::kRefuses) {
      doubtful_door = door;
    }
    bus.move_door(1, static_cast<std::uint8_t>(door - 1), true, now);
  }
}

class Machine::Ports final : public hal::NorFlash,
                             public hal::SerialBus,
                             public hal::Clock,
                             public hal::PowerMonitor,
                             public hal::NetworkLink,
                             public hal::KeyStore,
                             public hal::RandomSource,
                             public hal::Watchdog {
 public:
  explicit Ports(Machine& machine) : machine_(machine), panel(machine) {}

 private:
  World& world() const { return machine_.world; }

  const hal::FlashGeometry& do_geometry() const override {
    return static_cast<hal::NorFlash&>(world().flash).geometry();
  }
  Status do_read(std::uint32_t address, MutableBytes into) override {
    return static_cast<hal::NorFlash&>(world().flash).read(address, into);
  }
  Status do_program(std::uint32_t address, Bytes data) override {
    if (machine_.observed_) {
      machine_.observer_.before_program(machine_, address, data);
    }
    return static_cast<hal::NorFlash&>(world().flash).program(address, data);
  }
  Status do_erase(std::uint32_t sector) override {
    if (machine_.observed_) {
      machine_.observer_.before_erase(machine_, sector);
    }
    return static_cast<hal::NorFlash&>(world().flash).erase(sector);
  }

  hal::SerialBus& bus() const { return world().bus; }
  Status do_send(Bytes frame, Instant now, bool idle) override {
    if (now >= line_free_at_) {
      line_free_at_ = now + Duration{byte_time_us() * static_cast<std::int64_t>(frame.size())};
      machine_.observer_.before_frame(machine_, frame);
    }
    return bus().send(frame, now, idle);
  }
  std::size_t do_receive(MutableBytes into, Instant now) override { return bus().receive(into, now); }
  Instant do_next_arrival() const override { return bus().next_arrival(); }
  std::int64_t do_byte_time_us() const override { return bus().byte_time_us(); }

  std::optional<std::uint64_t> do_utc_ms() const override {
    return world().utc_at_zero_ms + static_cast<std::uint64_t>(world().now.ms());
  }
  void do_set_utc_ms(std::uint64_t) override {}  // The centre's time is a constant; the world's is right.
  hal::Supply do_supply() const override { return hal::Supply::kMains; }
  hal::ResetCause do_reset_cause() const override { return hal::ResetCause::kPowerOn; }

  Status do_connect() override {
    if (world().reachable) {
      world().link = hal::LinkState::kUp;
      world().centre.connected();
    }
    return Status::kOk;
  }
  hal::LinkState do_state() const override { return world().link; }
  Status do_send(Bytes bytes) override {
    if (world().link != hal::LinkState::kUp) {
      return Status::kNotSent;
    }
    if (machine_.observed_) {
      machine_.observer_.before_link_write(machine_, bytes);
    }
    ++world().link_writes;
    (void)world().centre.receive({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, world().down);
    return Status::kOk;
  }
  std::size_t do_receive(MutableBytes into) override {
    const std::size_t size = std::min(into.size(), world().down.size());
    std::memcpy(into.data(), world().down.data(), size);
    world().down.erase(0, size);
    return size;
  }
  void do_close() override {
    world().link = hal::LinkState::kDown;
    world().down.clear();
  }

  Result<StationKey> do_station_key(std::uint32_t version) const override {
    return version == 1 ? Result<StationKey>(own_key()) : Result<StationKey>(Status::kNotFound);
  }
  std::uint16_t do_newest_version() const override { return 1; }
  Result<StationKey> do_pass_key() const override { return issuer_key(); }
  Status do_fill(MutableBytes into) override {
    for (std::byte& value : into) {
      value = static_cast<std::byte>(++world().random);
    }
    return Status::kOk;
  }
  void do_feed() override {}

  class Panel final : public hal::FrontPanel {
   public:
    explicit Panel(Machine& machine) : machine_(machine) {}

   private:
    std::size_t do_receive(MutableBytes into) override {
      auto& typed = machine_.world.typed;
      const std::size_t size = std::min(into.size(), typed.size());
      std::copy_n(typed.begin(), size, into.begin());
      typed.erase(typed.begin(), typed.begin() + static_cast<std::ptrdiff_t>(size));
      return size;
    }
    Status do_send(Bytes bytes) override {
      if (bytes.size() == 11 && bytes[1] == std::byte{0x81}) {
        show(static_cast<Screen>(bytes[3]), std::to_integer<unsigned>(bytes[4]),
             load_le<std::uint32_t>(bytes.subspan(5, 4)));
      }
      return Status::kOk;
    }
    void show(Screen screen, unsigned door, std::uint32_t number) {
      World& world = machine_.world;
      world.screen = screen;
      world.screen_door = door;
      world.screen_number = number;
      if (screen == Screen::kStored) {
        const auto& parcel = machine_.controller().state().compartment(static_cast<std::uint8_t>(door)).parcel;
        world.accepted.push_back({.door = door,
                                  .parcel = world.inside[door],
                                  .code = machine_.code_of(door),
                                  .code_dead = parcel.from_sender});
      } else if (screen == Screen::kRefused) {
        for (Accepted& each : world.accepted) {
          each.code_dead |= each.door == door;
        }
      } else if (screen == Screen::kPleaseShut && world.act == Act::kRefuses) {
        world.act = Act::kLooks;
      } else if (screen == Screen::kWrongCode) {
        ++world.wrong_verdicts;
      }
    }
    Machine& machine_;
  };

  Machine& machine_;
  Instant line_free_at_{};

 public:
  Panel panel;
};

Machine::Machine(World start, Observer& observer)
    : world(std::move(start)), observer_(observer), ports_(std::make_unique<Ports>(*this)) {}

Machine::~Machine() = default;

Status Machine::boot() {
  static const std::vector<std::byte> config = station_config(cubby_v1_BoardFamily_BOARD_FAMILY_P5, 8);
  const hal::Hardware hardware{.bus = *ports_,
                               .flash = *ports_,
                               .clock = *ports_,
                               .power = *ports_,
                               .link = *ports_,
                               .panel = ports_->panel,
                               .keys = *ports_,
                               .random = *ports_,
                               .watchdog = *ports_,
                               .trace = nullptr};
  world.last_input.reset();
  assembly_.emplace(hardware, app::AssemblyOptions{.config = config, .firmware_version = "test", .boot_wait_max = {}});
  const Status status = assembly_->boot(world.now);
  wake_ = {};
  wake_.need(world.now);
  return status;
}

void Machine::power_off() {
  assembly_.reset();
  world.bus.power_cycle();
  world.typed.clear();
  world.link = hal::LinkState::kDown;
  world.down.clear();
}

void Machine::tick() {
  do {
    ++ticks_;
    wake_ = assembly_->tick(world.now);
  } while (!world.down.empty());
}

// As the emulator: idle polls that can read nothing new are left out.
Instant Machine::next_tick() {
  auto next = wake_.deadline;
  if (!controller().running()) {
    return next;
  }
  if (!controller().doors().started()) {
    return wake_.earliest();
  }
  const auto news = world.bus.news_from(1, world.now);
  if (news != Instant::max()) {
    next = std::min(next, controller().doors().idle_poll_of(0, std::max(news, world.now + Duration{1})));
  }
  return next;
}

void Machine::advance(Duration duration) {
  const Instant end = world.now + duration;
  tick();
  for (Instant next = next_tick(); next <= end; next = next_tick()) {
    world.now = std::max(next, world.now);
    tick();
  }
  world.now = end;
}

void Machine::type(std::uint8_t type, std::string_view data) {
  const std::vector<std::byte> bytes = panel_frame(type, data);
  world.typed.insert(world.typed.end(), bytes.begin(), bytes.end());
  world.last_input = world.now;
  tick();
}

void Machine::key(char key) {
  type(1, {&key, 1});
}

void Machine::keys(std::string_view keys) {
  for (const char each : keys) {
    key(each);
  }
}

void Machine::scan(std::string_view text) {
  type(2, text);
  advance_ms(50);
}

std::string Machine::pass(char role) {
  const std::uint64_t now_s = world.utc_at_zero_ms / 1000 + static_cast<std::uint64_t>(world.now.us) / 1'000'000;
  return pass_text(role, now_s, ++world.pass_serial);
}

std::string Machine::code_of(unsigned door) const {
  const auto& parcel = state_of(door).parcel;
  return std::string(pickup_code(own_key(), parcel.code_counter, core::code_digits(parcel)).text());
}

}  // namespace cubby::power_loss
