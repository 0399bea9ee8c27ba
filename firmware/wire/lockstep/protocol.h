#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "firmware/base/bytes.h"
#include "firmware/base/instant.h"
#include "firmware/base/limits.h"
#include "firmware/base/result.h"
#include "firmware/base/status.h"
#include "firmware/hal/network_link.h"
#include "firmware/hal/power_monitor.h"

/// What a controller elsewhere and the emulator say to each other; docs/spec/lockstep.md.
namespace cubby::lockstep {

inline constexpr std::uint8_t kVersion = 1;
inline constexpr std::array kMagic{std::byte{'C'}, std::byte{'L'}, std::byte{'S'}};
inline constexpr std::size_t kPortNameMax = 32;
inline constexpr std::size_t kToGuestMax = 4096;
inline constexpr std::size_t kToHostMax = 16'448;
inline constexpr std::size_t kChunkMax = 2048;  // Of one read or receive.
inline constexpr std::size_t kRandomMax = 64;
inline constexpr std::size_t kFrameHeader = 3;   // Length and type.
inline constexpr std::size_t kFrameTrailer = 4;  // CRC.
static_assert(kToHostMax >= limits::kFrameUpMax + 16, "a whole uplink frame is one message");
static_assert(kToGuestMax >= limits::kConfigBytesMax + 512, "a configuration and what goes with it are one message");
static_assert(kToGuestMax >= kChunkMax + 16);

enum class Message : std::uint8_t {
  kBoot = 0x01,
  kTick,
  kKnows,
  kPollOf,
  kAnswer = 0x40,
  kHello = 0x81,
  kBooted,
  kTicked,
  kKnown,
  kPolls,
  kBusSend = 0xA0,
  kBusReceive,
  kFlashRead,
  kFlashProgram,
  kFlashErase,
  kLinkConnect,
  kLinkSend,
  kLinkReceive,
  kPanelSend,
  kPanelReceive,
  kRandom,
  kClockSet = 0xC0,
  kLinkClose,
  kEvent,
  kCompartment,
};

/// A reliable byte stream to the other side.
class ByteStream {
 public:
  /// Sends all. kIo: the other side is gone.
  Status write(Bytes bytes) { return do_write(bytes); }
  /// Waits for at least one byte and returns how many were put into `into`. kIo: the other side is gone. kTimeout: it
  /// said nothing for as long as the stream waits, if it has a limit.
  Result<std::size_t> read(MutableBytes into) { return do_read(into); }

 protected:
  ~ByteStream() = default;

 private:
  virtual Status do_write(Bytes bytes) = 0;
  virtual Result<std::size_t> do_read(MutableBytes into) = 0;
};

/// Takes fixed-width fields off the front of a message. After the first that is not there, ok() is false and all are 0.
class Reader {
 public:
  explicit Reader(Bytes bytes) : rest_(bytes) {}
  template <typename T>
  T take() {
    const Bytes bytes = take_bytes(sizeof(T));
    return bytes.empty() ? T{} : load_le<T>(bytes);
  }
  Bytes take_bytes(std::size_t size);
  Instant take_instant() { return {take<std::int64_t>()}; }
  /// A number that must be below `count`.
  std::uint8_t take_below(std::uint8_t count);
  Status take_status() { return static_cast<Status>(take_below(kStatuses)); }
  Bytes rest() const { return rest_; }
  bool ok() const { return ok_; }
  /// Everything was there, and nothing more.
  bool ends() const { return ok_ && rest_.empty(); }

 private:
  static constexpr std::uint8_t kStatuses = static_cast<std::uint8_t>(Status::kNotSupported) + 1;
  Bytes rest_;
  bool ok_ = true;
};

/// Puts fixed-width fields into a message of at most `Size` bytes; more is a programmer's error.
template <std::size_t Size>
class Writer {
 public:
  template <typename T>
  Writer& put(T value) {
    store_le<T>(MutableBytes(bytes_).subspan(size_, sizeof(T)), value);
    size_ += sizeof(T);
    return *this;
  }
  Writer& put(Instant at) { return put<std::int64_t>(at.us); }
  Writer& put(Status status) { return put(static_cast<std::uint8_t>(status)); }
  Writer& put_bytes(Bytes bytes) {
    CUBBY_ASSERT(bytes.size() <= Size - size_);
    for (const std::byte byte : bytes) {
      bytes_[size_++] = byte;
    }
    return *this;
  }
  Bytes bytes() const { return Bytes(bytes_).first(size_); }

 private:
  std::array<std::byte, Size> bytes_{};
  std::size_t size_ = 0;
};

/// What the world says at the begin of an order, and what stays so until its outcome unless the controller changes it.
struct Inputs {
  static constexpr std::size_t kSize = 19;
  static constexpr std::uint8_t kBusWaits = 1;
  static constexpr std::uint8_t kLinkWaits = 2;
  static constexpr std::uint8_t kPanelWaits = 4;
  static constexpr std::uint8_t kUtcKnown = 8;
  std::uint64_t utc_ms = 0;
  hal::Supply supply = hal::Supply::kMains;
  hal::LinkState link = hal::LinkState::kDown;
  Instant next_arrival = Instant::max();
  std::uint8_t flags = 0;

  template <std::size_t Size>
  void put(Writer<Size>& writer) const {
    writer.put(utc_ms).put(static_cast<std::uint8_t>(supply)).put(static_cast<std::uint8_t>(link));
    writer.put(next_arrival).put(flags);
  }
  static Inputs take(Reader& reader);
};

/// Sends and takes frames. The first thing that goes wrong stays in status(), and nothing is sent or taken after it.
class Channel {
 public:
  struct Frame {
    Message type{};
    Bytes data;  // Valid until the next receive().
  };

  /// `buffer` bounds what is taken: data and kFrameTrailer must fit.
  Channel(ByteStream& stream, MutableBytes buffer) : stream_(&stream), buffer_(buffer) {}

  /// `head` and `tail` are one message; not both empty spans need hold something.
  Status send(Message type, Bytes head, Bytes tail = {});
  /// kCorrupt: a frame that is too long or does not verify. kTimeout, kIo: the stream's.
  Result<Frame> receive();
  Status status() const { return status_; }
  /// What came verifies and is wrong all the same.
  void give_up(Status status) { status_ = status_ == Status::kOk ? status : status_; }
  /// A fresh other side.
  void restart() { status_ = Status::kOk; }

 private:
  Status read_all(MutableBytes into);

  ByteStream* stream_;
  MutableBytes buffer_;
  Status status_ = Status::kOk;
};

}  // namespace cubby::lockstep
