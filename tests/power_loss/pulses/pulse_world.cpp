#include "power_loss/pulses/pulse_world.h"

#include <algorithm>

#include "firmware/base/hotp.h"
#include "firmware/base/pass.h"
#include "firmware/core/pickup_codes.h"
#include "firmware/wire/codec/event_codec.h"
#include "power_loss/lives/world.h"

namespace cubby::power_loss {
namespace {

using drivers::Screen;

constexpr std::uint64_t kUtcAtZeroMs = 1'750'000'000'000;

emulator::BoardProfile profile_of(BoardFamily family) {
  auto profile = emulator::default_profile(family);
  const auto settings = drivers::default_settings(family);
  profile.channels = family == BoardFamily::kP2 ? 12 : settings.channels;
  profile.address = 1;
  return profile;
}

emulator::SerialLineOptions line_options(BoardFamily family) {
  emulator::SerialLineOptions options;
  options.line_baud = emulator::default_profile(family).baud;
  return options;
}

}  // namespace

class PulseWorld::Ports final : public hal::SerialBus,
                                public hal::Clock,
                                public hal::PowerMonitor,
                                public hal::NetworkLink,
                                public hal::KeyStore,
                                public hal::RandomSource,
                                public hal::Watchdog,
                                public TraceSink {
 public:
  explicit Ports(PulseWorld& world) : world_(world), panel(world) {}
  void forget() { heard_.clear(); }

 private:
  void hear(Instant now) {
    const auto bytes = world_.line_.host_hears(now);
    heard_.insert(heard_.end(), bytes.begin(), bytes.end());
    heard_at_ = bytes.empty() ? heard_at_ : now;
  }
  Status do_send(Bytes frame, Instant now, bool) override {
    hear(now);
    if (world_.line_.host_backlog() != 0) {
      return Status::kBusy;
    }
    world_.line_.host_sends(frame, now);
    return Status::kOk;
  }
  std::size_t do_receive(MutableBytes into, Instant now) override {
    hear(now);
    const std::size_t size = std::min(into.size(), heard_.size());
    std::copy_n(heard_.begin(), size, into.begin());
    heard_.erase(heard_.begin(), heard_.begin() + static_cast<std::ptrdiff_t>(size));
    return size;
  }
  Instant do_next_arrival() const override { return heard_.empty() ? world_.line_.host_last_arrival() : heard_at_; }
  std::int64_t do_byte_time_us() const override { return world_.line_.host_byte_time().us; }

  std::optional<std::uint64_t> do_utc_ms() const override {
    return kUtcAtZeroMs + static_cast<std::uint64_t>(world_.now_.ms());
  }
  void do_set_utc_ms(std::uint64_t) override {}
  hal::Supply do_supply() const override { return hal::Supply::kMains; }
  hal::ResetCause do_reset_cause() const override { return hal::ResetCause::kPowerOn; }

  Status do_connect() override { return Status::kOk; }
  hal::LinkState do_state() const override { return hal::LinkState::kDown; }
  Status do_send(Bytes) override { return Status::kNotSent; }
  std::size_t do_receive(MutableBytes) override { return 0; }
  void do_close() override {}

  Result<StationKey> do_station_key(std::uint32_t) const override { return own_key(); }
  std::uint16_t do_newest_version() const override { return 1; }
  Result<StationKey> do_pass_key() const override { return issuer_key(); }
  Status do_fill(MutableBytes into) override {
    for (std::byte& value : into) {
      value = static_cast<std::byte>(++random_);
    }
    return Status::kOk;
  }
  void do_feed() override {}
  void on_event(std::uint64_t, Bytes payload) override {
    cubby_v1_Event event;
    CUBBY_ASSERT(wire::decode_event(payload, event) == Status::kOk);
    world_.journalled_.push_back(event.which_body);
  }
  void on_compartment(std::uint8_t, std::uint8_t, std::uint8_t) override {}
  void on_uplink(std::uint8_t, std::uint8_t) override {}

  class Panel final : public hal::FrontPanel {
   public:
    explicit Panel(PulseWorld& world) : world_(world) {}

   private:
    std::size_t do_receive(MutableBytes into) override {
      auto& typed = world_.typed_;
      const std::size_t size = std::min(into.size(), typed.size());
      std::copy_n(typed.begin(), size, into.begin());
      typed.erase(typed.begin(), typed.begin() + static_cast<std::ptrdiff_t>(size));
      return size;
    }
    Status do_send(Bytes bytes) override {
      if (bytes.size() == 11 && bytes[1] == std::byte{0x81}) {
        const auto screen = static_cast<Screen>(bytes[3]);
        const bool asks = screen == Screen::kPutIn || screen == Screen::kTakeOut;
        world_.asked_to_ = asks ? std::to_integer<unsigned>(bytes[4]) : 0;
      }
      return Status::kOk;
    }
    PulseWorld& world_;
  };

  PulseWorld& world_;
  std::deque<std::byte> heard_;
  Instant heard_at_{};
  std::uint8_t random_ = 0;

 public:
  Panel panel;
};

PulseWorld::PulseWorld(BoardFamily family)
    : family_(family),
      rack_(static_cast<std::uint64_t>(family)),
      line_(line_options(family)),
      flash_({.sector_size = 4096, .sector_count = 12, .program_size = 1, .page_size = 256}),
      config_(station_config(static_cast<cubby_v1_BoardFamily>(family), profile_of(family).channels)),
      ports_(std::make_unique<Ports>(*this)) {
  const auto profile = profile_of(family);
  rack_.add_board(profile.channels);
  CUBBY_ASSERT(line_.add_board(profile, *this).empty());
}

PulseWorld::~PulseWorld() = default;

bool PulseWorld::says_shut(std::uint8_t board, std::uint8_t channel, Instant now) {
  return static_cast<emulator::LockWiring&>(rack_).says_shut(board, channel, now);
}

bool PulseWorld::holds_item(std::uint8_t board, std::uint8_t channel, Instant now) {
  return static_cast<emulator::LockWiring&>(rack_).holds_item(board, channel, now);
}

void PulseWorld::coil(std::uint8_t board, std::uint8_t channel, bool on, Instant now) {
  if (on) {
    pulses_.push_back({.channel = channel, .begin = now});
  } else {
    for (CoilPulse& pulse : pulses_) {
      pulse.end = pulse.channel == channel && pulse.end == Instant::max() ? now : pulse.end;
    }
  }
  static_cast<emulator::LockWiring&>(rack_).coil(board, channel, on, now);
}

Status PulseWorld::boot() {
  const hal::Hardware hardware{.bus = *ports_,
                               .flash = flash_,
                               .clock = *ports_,
                               .power = *ports_,
                               .link = *ports_,
                               .panel = ports_->panel,
                               .keys = *ports_,
                               .random = *ports_,
                               .watchdog = *ports_,
                               .trace = ports_.get()};
  journalled_.clear();
  assembly_.emplace(hardware, app::AssemblyOptions{.config = config_, .firmware_version = "test"});
  const Status status = assembly_->boot(now_);
  wake_ = {};
  wake_.need(now_);
  return status;
}

void PulseWorld::cut_station() {
  assembly_.reset();
  line_.restart_host(now_);
  ports_->forget();
  typed_.clear();
  asked_to_ = 0;
}

void PulseWorld::cut_cabinet() {
  line_.power_cycle(now_);
}

void PulseWorld::tick() {
  wake_ = assembly_->tick(now_);
}

void PulseWorld::advance_to(Instant end) {
  for (;;) {
    const Instant controller = is_on() ? wake_.earliest() : Instant::max();
    const Instant next = std::min({line_.next_call(), rack_.next_call(), controller});
    if (next > end) {
      break;
    }
    now_ = std::max(now_, next);
    rack_.advance(now_);
    line_.advance(now_);
    if (controller <= now_) {
      tick();
    }
  }
  now_ = end;
}

void PulseWorld::type(std::uint8_t type, std::string_view data) {
  const auto bytes = panel_frame(type, data);
  typed_.insert(typed_.end(), bytes.begin(), bytes.end());
  tick();
}

void PulseWorld::key(char key) {
  type(1, {&key, 1});
}

void PulseWorld::keys(std::string_view keys) {
  for (const char each : keys) {
    key(each);
  }
}

void PulseWorld::scan(std::string_view text) {
  type(2, text);
  advance(Duration::milliseconds(50));
}

std::string PulseWorld::courier_pass() {
  const std::uint64_t now_s = (kUtcAtZeroMs + static_cast<std::uint64_t>(now_.ms())) / 1000;
  return pass_text(Pass::kCourier, now_s, ++pass_serial_);
}

std::string PulseWorld::code_of(unsigned door) const {
  const auto& parcel = controller().state().compartment(static_cast<std::uint8_t>(door)).parcel;
  return std::string(pickup_code(own_key(), parcel.code_counter, core::code_digits(parcel)).text());
}

void PulseWorld::shut(unsigned door) {
  CUBBY_ASSERT(rack_.push_shut(door - 1, now_) == Status::kOk);
}

core::CompartmentState PulseWorld::state(unsigned door) const {
  return controller().state().compartment(static_cast<std::uint8_t>(door)).state;
}

std::vector<Instant> PulseWorld::take_byte_ends() {
  std::vector<Instant> ends;
  for (const emulator::Burst& burst : line_.take_bursts()) {
    const auto count = static_cast<std::int64_t>(burst.bytes.size());
    for (std::int64_t i = 1; i <= count; ++i) {
      ends.push_back({burst.begin.us + (burst.end - burst.begin).us * i / count});
    }
  }
  return ends;
}

std::uint64_t PulseWorld::journalled(pb_size_t which_body) const {
  return static_cast<std::uint64_t>(std::count(journalled_.begin(), journalled_.end(), which_body));
}

}  // namespace cubby::power_loss
