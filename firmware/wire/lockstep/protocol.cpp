#include "firmware/wire/lockstep/protocol.h"

#include "firmware/base/crc.h"

namespace cubby::lockstep {

Bytes Reader::take_bytes(std::size_t size) {
  if (!ok_ || rest_.size() < size) {
    ok_ = false;
    return {};
  }
  const Bytes taken = rest_.first(size);
  rest_ = rest_.subspan(size);
  return taken;
}

std::uint8_t Reader::take_below(std::uint8_t count) {
  const auto value = take<std::uint8_t>();
  ok_ = ok_ && value < count;
  return ok_ ? value : std::uint8_t{0};
}

Inputs Inputs::take(Reader& reader) {
  constexpr std::uint8_t kSupplies = 3;
  constexpr std::uint8_t kLinkStates = 3;
  constexpr std::uint8_t kFlagsEnd = 16;
  Inputs inputs;
  inputs.utc_ms = reader.take<std::uint64_t>();
  inputs.supply = static_cast<hal::Supply>(reader.take_below(kSupplies));
  inputs.link = static_cast<hal::LinkState>(reader.take_below(kLinkStates));
  inputs.next_arrival = reader.take_instant();
  inputs.flags = reader.take_below(kFlagsEnd);
  return inputs;
}

Status Channel::send(Message type, Bytes head, Bytes tail) {
  CUBBY_TRY(status_);
  const std::size_t size = head.size() + tail.size();
  CUBBY_ASSERT(size <= kToHostMax);
  std::array<std::byte, kFrameHeader> header{};
  store_le(MutableBytes(header), static_cast<std::uint16_t>(size));
  header[2] = static_cast<std::byte>(type);
  std::array<std::byte, kFrameTrailer> trailer{};
  store_le(MutableBytes(trailer), crc32c(tail, crc32c(head, crc32c(header))));
  for (const Bytes part : {Bytes(header), head, tail, Bytes(trailer)}) {
    if (status_ == Status::kOk && !part.empty()) {
      status_ = stream_->write(part);
    }
  }
  return status_;
}

Status Channel::read_all(MutableBytes into) {
  while (!into.empty()) {
    const Result<std::size_t> size = stream_->read(into);
    CUBBY_TRY(size.status());
    into = into.subspan(size.value());
  }
  return Status::kOk;
}

Result<Channel::Frame> Channel::receive() {
  if (status_ != Status::kOk) {
    return status_;
  }
  std::array<std::byte, kFrameHeader> header{};
  status_ = read_all(header);
  if (status_ != Status::kOk) {
    return status_;
  }
  const std::size_t size = load_le<std::uint16_t>(Bytes(header).first(2));
  if (size + kFrameTrailer > buffer_.size()) {
    status_ = Status::kCorrupt;
    return status_;
  }
  status_ = read_all(buffer_.first(size + kFrameTrailer));
  if (status_ != Status::kOk) {
    return status_;
  }
  const Bytes data = buffer_.first(size);
  if (crc32c(data, crc32c(header)) != load_le<std::uint32_t>(Bytes(buffer_).subspan(size, kFrameTrailer))) {
    status_ = Status::kCorrupt;
    return status_;
  }
  return Frame{.type = static_cast<Message>(header[2]), .data = data};
}

}  // namespace cubby::lockstep
