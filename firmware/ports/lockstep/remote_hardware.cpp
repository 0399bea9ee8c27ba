#include "firmware/ports/lockstep/remote_hardware.h"

#include <algorithm>

namespace cubby::lockstep {

Result<Bytes> WorldView::ask(Message question, Bytes head, Bytes tail) {
  if (const Status sent = channel.send(question, head, tail); sent != Status::kOk) {
    return sent;
  }
  const Result<Channel::Frame> frame = channel.receive();
  if (!frame.ok()) {
    return frame.status();
  }
  if (frame.value().type != Message::kAnswer) {
    channel.give_up(Status::kWrongState);
    return Status::kWrongState;
  }
  return frame.value().data;
}

Status WorldView::ask_status(Message question, Bytes head, Bytes tail) {
  const Result<Bytes> answer = ask(question, head, tail);
  if (!answer.ok()) {
    return Status::kIo;
  }
  Reader reader(answer.value());
  const Status status = reader.take_status();
  if (!reader.ends()) {
    channel.give_up(Status::kBadInput);
    return Status::kIo;
  }
  return status;
}

std::size_t WorldView::ask_for_bytes(Message question, MutableBytes into, std::uint8_t waits) {
  std::size_t done = 0;
  while (done < into.size() && (inputs.flags & waits) != 0) {
    const std::size_t most = std::min(into.size() - done, kChunkMax);
    const Result<Bytes> answer = ask(question, Writer<2>().put(static_cast<std::uint16_t>(most)).bytes());
    if (!answer.ok()) {
      return done;
    }
    Reader reader(answer.value());
    if (question == Message::kBusReceive) {
      inputs.next_arrival = reader.take_instant();
    }
    const Bytes bytes = reader.rest();
    if (!reader.ok() || bytes.size() > most) {
      channel.give_up(Status::kBadInput);
      return done;
    }
    std::copy(bytes.begin(), bytes.end(), into.begin() + static_cast<std::ptrdiff_t>(done));
    done += bytes.size();
    if (bytes.size() < most) {
      inputs.flags = static_cast<std::uint8_t>(inputs.flags & ~waits);
    }
  }
  return done;
}

Status RemoteBus::do_send(Bytes frame, Instant, bool idle) {
  const std::array<std::byte, 1> head{static_cast<std::byte>(idle ? 1 : 0)};
  const Result<Bytes> answer = world_.ask(Message::kBusSend, head, frame);
  if (!answer.ok()) {
    return Status::kNotSent;
  }
  Reader reader(answer.value());
  const Status status = reader.take_status();
  const Instant next = reader.take_instant();
  if (!reader.ends()) {
    world_.channel.give_up(Status::kBadInput);
    return Status::kNotSent;
  }
  world_.inputs.next_arrival = next;
  return status;
}

std::size_t RemoteBus::do_receive(MutableBytes into, Instant) {
  return world_.ask_for_bytes(Message::kBusReceive, into, Inputs::kBusWaits);
}

Status RemoteFlash::do_read(std::uint32_t address, MutableBytes into) {
  while (!into.empty()) {
    const std::size_t size = std::min(into.size(), kChunkMax);
    if (address >= blank_begin_ && address + size <= blank_end_) {
      std::fill_n(into.begin(), size, std::byte{0xFF});
      into = into.subspan(size);
      address += static_cast<std::uint32_t>(size);
      continue;
    }
    const Result<Bytes> answer =
        world_.ask(Message::kFlashRead, Writer<6>().put(address).put(static_cast<std::uint16_t>(size)).bytes());
    if (!answer.ok()) {
      return Status::kIo;
    }
    Reader reader(answer.value());
    const Status status = reader.take_status();
    const auto blank_until = reader.take<std::uint32_t>();
    const Bytes bytes = reader.rest();
    if (!reader.ok() || blank_until > world_.geometry.size() || (!bytes.empty() && bytes.size() != size)) {
      world_.channel.give_up(Status::kBadInput);
      return Status::kIo;
    }
    CUBBY_TRY(status);
    if (blank_until > address) {
      blank_begin_ = address;
      blank_end_ = blank_until;
    }
    if (bytes.empty()) {
      std::fill_n(into.begin(), size, std::byte{0xFF});
    } else {
      std::copy(bytes.begin(), bytes.end(), into.begin());
    }
    into = into.subspan(size);
    address += static_cast<std::uint32_t>(size);
  }
  return Status::kOk;
}

Status RemoteFlash::do_program(std::uint32_t address, Bytes data) {
  forget();
  return world_.ask_status(Message::kFlashProgram, Writer<4>().put(address).bytes(), data);
}

Status RemoteFlash::do_erase(std::uint32_t sector) {
  forget();
  return world_.ask_status(Message::kFlashErase, Writer<4>().put(sector).bytes());
}

std::optional<std::uint64_t> RemoteClock::do_utc_ms() const {
  const bool known = (world_.inputs.flags & Inputs::kUtcKnown) != 0;
  return known ? std::optional(world_.inputs.utc_ms) : std::nullopt;
}

void RemoteClock::do_set_utc_ms(std::uint64_t utc_ms) {
  world_.inputs.utc_ms = utc_ms;
  world_.inputs.flags |= Inputs::kUtcKnown;
  (void)world_.channel.send(Message::kClockSet, Writer<8>().put(utc_ms).bytes());  // The channel keeps a failure.
}

Status RemoteLink::do_connect() {
  constexpr std::uint8_t kLinkStates = 3;
  const Result<Bytes> answer = world_.ask(Message::kLinkConnect, {});
  if (!answer.ok()) {
    return Status::kOk;  // As where there is no route: it stays down.
  }
  Reader reader(answer.value());
  const Status status = reader.take_status();
  const auto state = static_cast<hal::LinkState>(reader.take_below(kLinkStates));
  if (!reader.ends()) {
    world_.channel.give_up(Status::kBadInput);
    return Status::kOk;
  }
  world_.inputs.link = state;
  return status;
}

Status RemoteLink::do_send(Bytes bytes) {
  const Status status = world_.ask_status(Message::kLinkSend, {}, bytes);
  return world_.channel.status() == Status::kOk ? status : Status::kNotSent;
}

std::size_t RemoteLink::do_receive(MutableBytes into) {
  return world_.ask_for_bytes(Message::kLinkReceive, into, Inputs::kLinkWaits);
}

void RemoteLink::do_close() {
  world_.inputs.link = hal::LinkState::kDown;
  world_.inputs.flags = static_cast<std::uint8_t>(world_.inputs.flags & ~Inputs::kLinkWaits);
  (void)world_.channel.send(Message::kLinkClose, {});  // The channel keeps a failure.
}

std::size_t RemotePanel::do_receive(MutableBytes into) {
  return world_.ask_for_bytes(Message::kPanelReceive, into, Inputs::kPanelWaits);
}

Status RemotePanel::do_send(Bytes bytes) {
  const Status status = world_.ask_status(Message::kPanelSend, {}, bytes);
  return world_.channel.status() == Status::kOk ? status : Status::kNotSent;
}

Status RemoteRandom::do_fill(MutableBytes into) {
  while (!into.empty()) {
    const std::size_t size = std::min(into.size(), kRandomMax);
    const Result<Bytes> answer =
        world_.ask(Message::kRandom, Writer<2>().put(static_cast<std::uint16_t>(size)).bytes());
    if (!answer.ok()) {
      return Status::kIo;
    }
    Reader reader(answer.value());
    CUBBY_TRY(reader.take_status());
    const Bytes bytes = reader.rest();
    if (!reader.ok() || bytes.size() != size) {
      world_.channel.give_up(Status::kBadInput);
      return Status::kIo;
    }
    std::copy(bytes.begin(), bytes.end(), into.begin());
    into = into.subspan(size);
  }
  return Status::kOk;
}

void RemoteTrace::on_event(std::uint64_t seq, Bytes payload) {
  (void)world_.channel.send(Message::kEvent, Writer<8>().put(seq).bytes(), payload);  // The channel keeps a failure.
}

void RemoteTrace::on_compartment(std::uint8_t number, std::uint8_t from, std::uint8_t to) {
  (void)world_.channel.send(Message::kCompartment, Writer<3>().put(number).put(from).put(to).bytes());
}

}  // namespace cubby::lockstep
