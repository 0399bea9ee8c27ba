#include "emulator/lockstep/lockstep_host.h"

#include <algorithm>

namespace cubby::emulator {

using lockstep::Channel;
using lockstep::Message;
using lockstep::Reader;
using lockstep::Writer;

namespace {

constexpr std::size_t kBootHeadMax = 384;

// Those that the store has of the newest version and of the ones right before it.
void put_station_keys(const hal::KeyStore& keys, Writer<kBootHeadMax>& into) {
  const std::uint16_t newest = keys.newest_version();
  std::size_t count = 0;
  while (count < std::min<std::size_t>(newest, limits::kStationKeysMax) &&
         keys.station_key(newest - static_cast<std::uint32_t>(count)).ok()) {
    ++count;
  }
  into.put(static_cast<std::uint8_t>(count));
  for (std::size_t age = count; age-- > 0;) {
    const auto version = static_cast<std::uint16_t>(newest - age);
    into.put(version).put_bytes(keys.station_key(version).value());
  }
}

}  // namespace

Status LockstepHost::lose(std::string why) {
  if (failure_.empty()) {
    failure_ = std::move(why);
    stream_->stop();
  }
  return Status::kIo;
}

Status LockstepHost::lose_channel() {
  switch (channel_.status()) {
    case Status::kTimeout:
      return lose("it said nothing for longer than it may");
    case Status::kCorrupt:
      return lose("it sent a frame that is too long or does not verify");
    case Status::kIo:
      return lose("it has ended");
    default:
      return lose("it sent something that means nothing here");
  }
}

lockstep::Inputs LockstepHost::inputs(Instant now) const {
  const std::optional<std::uint64_t> utc_ms = world_->hardware.clock.utc_ms();
  lockstep::Inputs inputs;
  inputs.utc_ms = utc_ms.value_or(0);
  inputs.supply = world_->hardware.power.supply();
  inputs.link = world_->hardware.link.state();
  inputs.next_arrival = world_->hardware.bus.next_arrival();
  inputs.flags = static_cast<std::uint8_t>((world_->segment.holds(now) ? lockstep::Inputs::kBusWaits : 0) |
                                           (world_->pipe.has_incoming() ? lockstep::Inputs::kLinkWaits : 0) |
                                           (world_->panel.has_input() ? lockstep::Inputs::kPanelWaits : 0) |
                                           (utc_ms.has_value() ? lockstep::Inputs::kUtcKnown : 0));
  return inputs;
}

Status LockstepHost::greet() {
  if (stream_->start() != Status::kOk) {
    return lose("it cannot be started");
  }
  channel_.restart();
  const Result<Channel::Frame> frame = channel_.receive();
  if (!frame.ok()) {
    return lose_channel();
  }
  Reader reader(frame.value().data);
  const Bytes magic = reader.take_bytes(lockstep::kMagic.size());
  const auto version = reader.take<std::uint8_t>();
  const Bytes name = reader.rest();
  const bool greets = frame.value().type == Message::kHello && reader.ok() &&
                      std::equal(magic.begin(), magic.end(), lockstep::kMagic.begin());
  if (!greets) {
    return lose("it does not greet as a guest does");
  }
  if (version != lockstep::kVersion) {
    return lose("it speaks version " + std::to_string(version) + ", this emulator speaks " +
                std::to_string(lockstep::kVersion));
  }
  const bool printable = std::all_of(name.begin(), name.end(),
                                     [](std::byte byte) { return byte > std::byte{' '} && byte < std::byte{127}; });
  if (name.empty() || name.size() > lockstep::kPortNameMax || !printable) {
    return lose("its greeting names no port");
  }
  port_.resize(name.size());
  std::transform(name.begin(), name.end(), port_.begin(), [](std::byte byte) { return static_cast<char>(byte); });
  return Status::kOk;
}

Status LockstepHost::boot(const RemoteHardware& hardware, const app::AssemblyOptions& options) {
  if (lost()) {
    return Status::kIo;
  }
  world_.emplace(hardware);
  now_ = {};
  settled_ = false;
  died_ = false;
  CUBBY_TRY(greet());
  const Result<StationKey> pass_key = hardware.hardware.keys.pass_key();
  const hal::FlashGeometry& geometry = hardware.hardware.flash.geometry();
  CUBBY_ASSERT(pass_key.ok());
  Writer<kBootHeadMax> head;
  inputs(now_).put(head);
  head.put(hardware.hardware.bus.byte_time_us()).put(static_cast<std::uint8_t>(hardware.hardware.power.reset_cause()));
  head.put(geometry.sector_size).put(geometry.sector_count).put(geometry.program_size).put(geometry.page_size);
  head.put(static_cast<std::uint8_t>(options.announce_new_journal ? 1 : 0));
  head.put(options.tick_lateness.us).put(options.boot_wait_max.us);
  head.put_bytes(pass_key.value());
  put_station_keys(hardware.hardware.keys, head);
  head.put(static_cast<std::uint8_t>(options.firmware_version.size())).put_bytes(as_bytes(options.firmware_version));
  if (channel_.send(Message::kBoot, head.bytes(), options.config) != Status::kOk) {
    return lose_channel();
  }
  const Result<Bytes> outcome = serve(Message::kBooted);
  CUBBY_TRY(outcome.status());
  Reader reader(outcome.value());
  settled_ = reader.take_below(2) != 0;
  return reader.ends() ? Status::kOk : lose("it booted in a way that is none");
}

Result<Wake> LockstepHost::tick(Instant now) {
  if (lost() || died_) {
    return Status::kIo;
  }
  now_ = now;
  Writer<8 + lockstep::Inputs::kSize> order;
  order.put(now);
  inputs(now).put(order);
  if (channel_.send(Message::kTick, order.bytes()) != Status::kOk) {
    return lose_channel();
  }
  const Result<Bytes> outcome = serve(Message::kTicked);
  if (!outcome.ok()) {
    return outcome.status();
  }
  Reader reader(outcome.value());
  Wake wake;
  wake.deadline = reader.take_instant();
  wake.idle_poll = reader.take_instant();
  settled_ = reader.take_below(2) != 0;
  if (!reader.ends()) {
    return lose("it ticked in a way that is none");
  }
  return wake;
}

bool LockstepHost::knows(std::size_t board, std::uint64_t inputs) {
  if (lost() || died_) {
    return false;
  }
  const auto number = static_cast<std::uint8_t>(board);
  if (channel_.send(Message::kKnows, Writer<9>().put(number).put(inputs).bytes()) != Status::kOk) {
    (void)lose_channel();
    return false;
  }
  const Result<Bytes> outcome = serve(Message::kKnown);
  return outcome.ok() && outcome.value().size() == 1 && outcome.value()[0] == std::byte{1};
}

Instant LockstepHost::idle_poll_of(std::size_t board, Instant from) {
  if (lost() || died_) {
    return Instant::max();
  }
  const auto number = static_cast<std::uint8_t>(board);
  if (channel_.send(Message::kPollOf, Writer<9>().put(number).put(from).bytes()) != Status::kOk) {
    (void)lose_channel();
    return Instant::max();
  }
  const Result<Bytes> outcome = serve(Message::kPolls);
  if (!outcome.ok()) {
    return Instant::max();
  }
  Reader reader(outcome.value());
  const Instant at = reader.take_instant();
  if (!reader.ends() || at < from) {
    (void)lose("it polls a board in a way that is none");
    return Instant::max();
  }
  return at;
}

void LockstepHost::power_off() {
  stream_->stop();
  world_.reset();
  settled_ = false;
}

Result<Bytes> LockstepHost::serve(Message outcome) {
  for (std::uint32_t talk = 0; talk < kTalkMax; ++talk) {
    const Result<Channel::Frame> frame = channel_.receive();
    if (!frame.ok()) {
      return lose_channel();
    }
    if (frame.value().type == outcome) {
      return frame.value().data;
    }
    const Status status = handle(frame.value());
    if (died_) {
      return Status::kIo;
    }
    if (status == Status::kBadInput) {
      return lose("it sent something that means nothing here: type " +
                  std::to_string(static_cast<int>(frame.value().type)));
    }
    if (status != Status::kOk) {
      return lose_channel();
    }
  }
  return lose("it asks without end");
}

Status LockstepHost::answer(Bytes head, Bytes tail) {
  ++questions_;
  return channel_.send(Message::kAnswer, head, tail);
}

Status LockstepHost::answer(Status status) {
  return answer(Writer<1>().put(status).bytes());
}

// kBadInput: not a thing that a guest may say. Any other error is the channel's.
Status LockstepHost::handle(const Channel::Frame& frame) {
  Reader reader(frame.data);
  switch (frame.type) {
    case Message::kBusSend:
    case Message::kBusReceive:
      return handle_bus(frame.type, reader);
    case Message::kFlashRead:
    case Message::kFlashProgram:
    case Message::kFlashErase:
      return handle_flash(frame.type, reader);
    case Message::kLinkConnect:
    case Message::kLinkSend:
    case Message::kLinkReceive:
      return handle_link(frame.type, reader);
    case Message::kPanelSend:
    case Message::kPanelReceive:
      return handle_panel(frame.type, reader);
    case Message::kRandom:
      return handle_random(reader);
    default:
      return take_note(frame, reader) ? Status::kOk : Status::kBadInput;
  }
}

// What is told and not asked. False: it is nothing of the kind.
bool LockstepHost::take_note(const Channel::Frame& frame, Reader& reader) {
  switch (frame.type) {
    case Message::kClockSet: {
      const auto utc_ms = reader.take<std::uint64_t>();
      if (reader.ends()) {
        world_->hardware.clock.set_utc_ms(utc_ms);
      }
      return reader.ends();
    }
    case Message::kLinkClose:
      world_->hardware.link.close();
      return reader.ends();
    case Message::kEvent: {
      const auto seq = reader.take<std::uint64_t>();
      const Bytes payload = reader.rest();
      if (!reader.ok() || payload.empty() || payload.size() > limits::kEventBytesMax) {
        return false;
      }
      world_->hardware.trace->on_event(seq, payload);
      return true;
    }
    case Message::kCompartment: {
      const auto number = reader.take<std::uint8_t>();
      const auto from = reader.take<std::uint8_t>();
      const auto to = reader.take<std::uint8_t>();
      if (!reader.ends() || number == 0 || number > limits::kCompartmentsMax) {
        return false;
      }
      world_->hardware.trace->on_compartment(number, from, to);
      return true;
    }
    default:
      return false;
  }
}

Status LockstepHost::handle_bus(Message type, Reader& reader) {
  hal::SerialBus& bus = world_->hardware.bus;
  if (type == Message::kBusSend) {
    const bool idle = reader.take_below(2) != 0;
    const Bytes frame = reader.rest();
    if (!reader.ok() || frame.empty() || frame.size() > limits::kBusFrameMax) {
      return Status::kBadInput;
    }
    const Status status = bus.send(frame, now_, idle);
    return answer(Writer<9>().put(status).put(bus.next_arrival()).bytes());
  }
  const std::size_t most = reader.take<std::uint16_t>();
  if (!reader.ends() || most == 0 || most > chunk_.size()) {
    return Status::kBadInput;
  }
  const std::size_t size = bus.receive(MutableBytes(chunk_).first(most), now_);
  return answer(Writer<8>().put(bus.next_arrival()).bytes(), Bytes(chunk_).first(size));
}

Status LockstepHost::handle_flash(Message type, Reader& reader) {
  hal::NorFlash& flash = world_->hardware.flash;
  const hal::FlashGeometry& geometry = flash.geometry();
  const std::uint64_t place = reader.take<std::uint32_t>();
  if (type == Message::kFlashRead) {
    const std::size_t size = reader.take<std::uint16_t>();
    if (!reader.ends() || size == 0 || size > chunk_.size() || place + size > geometry.size()) {
      return Status::kBadInput;
    }
    const MutableBytes into = MutableBytes(chunk_).first(size);
    const Status status = flash.read(static_cast<std::uint32_t>(place), into);
    const bool erased = std::all_of(into.begin(), into.end(), [](std::byte byte) { return byte == std::byte{0xFF}; });
    const std::uint32_t blank_until = world_->flash.blank_until(static_cast<std::uint32_t>(place));
    return answer(Writer<5>().put(status).put(blank_until).bytes(),
                  status != Status::kOk || erased ? Bytes{} : Bytes(into));
  }
  Status status = Status::kOk;
  if (type == Message::kFlashErase) {
    if (!reader.ends() || place >= geometry.sector_count) {
      return Status::kBadInput;
    }
    status = flash.erase(static_cast<std::uint32_t>(place));
  } else {
    const Bytes data = reader.rest();
    const std::uint64_t end = place + data.size();
    const bool fits = reader.ok() && !data.empty() && end <= geometry.size() && place % geometry.program_size == 0 &&
                      data.size() % geometry.program_size == 0 &&
                      place / geometry.page_size == (end - 1) / geometry.page_size;
    if (!fits || world_->flash.would_overwrite(static_cast<std::uint32_t>(place), data.size())) {
      return Status::kBadInput;
    }
    status = flash.program(static_cast<std::uint32_t>(place), data);
  }
  if (world_->flash.is_cut() && at_cut_ == AtCut::kDies) {
    died_ = true;
    ++deaths_;
    stream_->stop();
    return Status::kIo;
  }
  return answer(status);
}

Status LockstepHost::handle_link(Message type, Reader& reader) {
  hal::NetworkLink& link = world_->hardware.link;
  if (type == Message::kLinkConnect) {
    if (!reader.ends()) {
      return Status::kBadInput;
    }
    const Status status = link.connect();
    return answer(Writer<2>().put(status).put(static_cast<std::uint8_t>(link.state())).bytes());
  }
  if (type == Message::kLinkSend) {
    return reader.rest().empty() ? Status::kBadInput : answer(link.send(reader.rest()));
  }
  const std::size_t most = reader.take<std::uint16_t>();
  if (!reader.ends() || most == 0 || most > chunk_.size()) {
    return Status::kBadInput;
  }
  return answer({}, Bytes(chunk_).first(link.receive(MutableBytes(chunk_).first(most))));
}

Status LockstepHost::handle_panel(Message type, Reader& reader) {
  hal::FrontPanel& panel = world_->hardware.panel;
  if (type == Message::kPanelSend) {
    return reader.rest().empty() ? Status::kBadInput : answer(panel.send(reader.rest()));
  }
  const std::size_t most = reader.take<std::uint16_t>();
  if (!reader.ends() || most == 0 || most > chunk_.size()) {
    return Status::kBadInput;
  }
  return answer({}, Bytes(chunk_).first(panel.receive(MutableBytes(chunk_).first(most))));
}

Status LockstepHost::handle_random(Reader& reader) {
  const std::size_t size = reader.take<std::uint16_t>();
  if (!reader.ends() || size == 0 || size > lockstep::kRandomMax) {
    return Status::kBadInput;
  }
  const MutableBytes into = MutableBytes(chunk_).first(size);
  const Status status = world_->hardware.random.fill(into);
  return answer(Writer<1>().put(status).bytes(), status == Status::kOk ? Bytes(into) : Bytes{});
}

}  // namespace cubby::emulator
