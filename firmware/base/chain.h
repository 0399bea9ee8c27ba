#pragma once

#include <cstdint>

#include "firmware/base/bytes.h"

namespace cubby {

/// The hash chain over a journal's events: 64 bits that prove that two sides hold the same history.
using Chain = std::uint64_t;

/// Chain before the first event: first 8 bytes, little-endian, of SHA-256(journal_uid).
Chain chain_start(const JournalUid& uid);

/// Chain after event `seq`: first 8 bytes, little-endian, of
/// SHA-256(previous (8 bytes LE) || seq (8 bytes LE) || payload).
Chain chain_next(Chain previous, std::uint64_t seq, Bytes payload);

}  // namespace cubby
