#pragma once

#include "cubby/v1/uplink.nanopb.h"
#include "firmware/base/bytes.h"
#include "firmware/base/chain.h"
#include "firmware/base/result.h"

namespace cubby::wire {

/// Channel of a station on a connection of its own.
inline constexpr std::uint32_t kOwnChannel = 1;

/// Writes a whole frame (length, channel, Up message) and returns its size. `up` holds anything but a
/// Batch, which is streamed by BatchWriter.
Result<std::size_t> encode_up_frame(const cubby_v1_Up& up, MutableBytes into);

/// kCorrupt: not a Down message.
Status decode_down(Bytes message, cubby_v1_Down& down);

/// The StationRules, still encoded, of a Down message that decode_down() took and that holds a Command with a
/// Configure; within `message`. Empty: there are none.
Bytes find_rules(Bytes message);

/// Builds a Batch frame in a buffer, event by event, each read from flash straight into its place; the
/// head, whose size depends on them, is put in front at the end.
class BatchWriter {
 public:
  /// Bytes in front of the first event: frame header, tags and lengths, journal_uid, first_seq, chain.
  static constexpr std::size_t kHeadMax = 64;
  static constexpr std::size_t kEventHeadMax = 3;  // Tag and length of one event below 16 KiB.

  explicit BatchWriter(MutableBytes buffer) : buffer_(buffer) {}

  /// Where the next event's bytes go; empty if fewer than `needed` bytes are left.
  MutableBytes space(std::size_t needed) const;
  /// The next event has `size` bytes, written at the start of space().
  void commit(std::size_t size);
  std::size_t events() const { return events_; }
  /// The finished frame, within the buffer.
  Bytes finish(const JournalUid& uid, std::uint64_t first_seq, Chain previous_chain);

 private:
  MutableBytes buffer_;
  std::size_t end_ = kHeadMax;
  std::size_t events_ = 0;
};

}  // namespace cubby::wire
