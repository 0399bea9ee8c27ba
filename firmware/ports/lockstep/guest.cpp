#include "firmware/ports/lockstep/guest.h"

#include <algorithm>

namespace cubby::lockstep {
namespace {

void take_key(Reader& reader, StationKey& key) {
  const Bytes bytes = reader.take_bytes(key.size());
  std::copy(bytes.begin(), bytes.end(), key.begin());
}

}  // namespace

Guest::Guest(ByteStream& stream, std::string_view port)
    : port_(port), channel_(stream, buffer_), world_{.channel = channel_, .inputs = {}, .geometry = {}} {
  CUBBY_ASSERT(!port.empty() && port.size() <= kPortNameMax);
}

Status Guest::run() {
  Writer<kMagic.size() + 1> head;
  head.put_bytes(kMagic).put(kVersion);
  CUBBY_TRY(channel_.send(Message::kHello, head.bytes(), as_bytes(port_)));
  for (;;) {
    const Result<Channel::Frame> frame = channel_.receive();
    CUBBY_TRY(frame.status());
    CUBBY_TRY(obey(frame.value()));
    CUBBY_TRY(channel_.status());
  }
}

Status Guest::obey(const Channel::Frame& frame) {
  if (frame.type == Message::kBoot && !assembly_.has_value()) {
    return boot(frame.data);
  }
  if (frame.type == Message::kTick && assembly_.has_value()) {
    return tick(frame.data);
  }
  if (frame.type == Message::kKnows && assembly_.has_value()) {
    return answer_knows(frame.data);
  }
  if (frame.type == Message::kPollOf && assembly_.has_value()) {
    return answer_poll_of(frame.data);
  }
  return Status::kWrongState;
}

Status Guest::boot(Bytes data) {
  constexpr std::uint8_t kCauses = 3;
  Reader reader(data);
  world_.inputs = Inputs::take(reader);
  world_.byte_time_us = reader.take<std::int64_t>();
  world_.reset_cause = static_cast<hal::ResetCause>(reader.take_below(kCauses));
  world_.geometry.sector_size = reader.take<std::uint32_t>();
  world_.geometry.sector_count = reader.take<std::uint32_t>();
  world_.geometry.program_size = reader.take<std::uint32_t>();
  world_.geometry.page_size = reader.take<std::uint32_t>();
  app::AssemblyOptions options;
  options.announce_new_journal = reader.take_below(2) != 0;
  options.tick_lateness = {reader.take<std::int64_t>()};
  options.boot_wait_max = {reader.take<std::int64_t>()};
  StationKey pass_key{};
  take_key(reader, pass_key);
  StationKeys station_keys;
  const std::size_t key_count = reader.take_below(limits::kStationKeysMax + 1);
  for (std::size_t i = 0; i < key_count; ++i) {
    VersionedKey key{.version = reader.take<std::uint16_t>()};
    take_key(reader, key.key);
    (void)station_keys.push_back(key);  // Bounded above.
  }
  keys_.hold(station_keys, pass_key);
  const Bytes version = reader.take_bytes(reader.take_below(kVersionMax + 1));
  const Bytes config = reader.rest();
  if (!reader.ok() || config.size() > config_.size()) {
    return Status::kBadInput;
  }
  std::transform(version.begin(), version.end(), version_.begin(),
                 [](std::byte byte) { return static_cast<char>(byte); });
  std::copy(config.begin(), config.end(), config_.begin());
  options.firmware_version = std::string_view(version_.data(), version.size());
  options.config = Bytes(config_).first(config.size());
  const hal::Hardware hardware{.bus = bus_,
                               .flash = flash_,
                               .clock = clock_,
                               .power = supply_,
                               .link = link_,
                               .panel = panel_,
                               .keys = keys_,
                               .random = random_,
                               .watchdog = watchdog_,
                               .trace = &trace_};
  assembly_.emplace(hardware, options);
  (void)assembly_->boot(Instant{});  // Any error: safe mode.
  return channel_.send(Message::kBooted, Writer<1>().put(outcome_flags()).bytes());
}

Status Guest::tick(Bytes data) {
  Reader reader(data);
  flash_.forget();
  const Instant now = reader.take_instant();
  world_.inputs = Inputs::take(reader);
  if (!reader.ends()) {
    return Status::kBadInput;
  }
  const Wake wake = assembly_->tick(now);
  Writer<17> outcome;
  outcome.put(wake.deadline).put(wake.idle_poll).put(outcome_flags());
  return channel_.send(Message::kTicked, outcome.bytes());
}

Status Guest::answer_knows(Bytes data) {
  Reader reader(data);
  const auto board = reader.take_below(limits::kBoardsMax);
  const auto inputs = reader.take<std::uint64_t>();
  if (!reader.ends()) {
    return Status::kBadInput;
  }
  const drivers::DoorBank& doors = assembly_->controller().doors();
  const bool knows = doors.started() && doors.knows(board, inputs);
  return channel_.send(Message::kKnown, Writer<1>().put(static_cast<std::uint8_t>(knows ? 1 : 0)).bytes());
}

Status Guest::answer_poll_of(Bytes data) {
  Reader reader(data);
  const auto board = reader.take_below(limits::kBoardsMax);
  const Instant from = reader.take_instant();
  const drivers::DoorBank& doors = assembly_->controller().doors();
  if (!reader.ends() || board >= doors.board_count()) {
    return Status::kBadInput;
  }
  const Instant at = doors.started() ? doors.idle_poll_of(board, from) : Instant::max();
  return channel_.send(Message::kPolls, Writer<8>().put(at).bytes());
}

std::uint8_t Guest::outcome_flags() const {
  return assembly_->controller().settled() ? 1 : 0;
}

}  // namespace cubby::lockstep
