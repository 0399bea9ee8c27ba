#include "support/board_frames.h"

#include <algorithm>

namespace cubby::tests {
namespace {

using drivers::BoardSettings;
using drivers::Exchange;
using drivers::Request;
using Kind = Request::Kind;
using Frame = std::vector<std::byte>;

constexpr std::uint64_t kEvery = ~std::uint64_t{0};

unsigned at(Bytes bytes, std::size_t index) {
  return std::to_integer<unsigned>(bytes[index]);
}

Frame bytes_of(std::initializer_list<unsigned> values) {
  Frame frame;
  for (const unsigned value : values) {
    frame.push_back(static_cast<std::byte>(value));
  }
  return frame;
}

std::size_t status_size(const BoardSettings& board) {
  return board.channels > 24 ? (board.channels + 7U) / 8 : 3U;
}
std::size_t mask_size(const BoardSettings& board) {
  return (board.channels + 7U) / 8;
}
std::uint64_t locks_of(const BoardSettings& board) {
  return (std::uint64_t{1} << board.channels) - 1;
}
unsigned wire_number(const BoardSettings& board, Request request) {
  return static_cast<unsigned>(request.channel) + board.first_channel;
}
/// The lock of that number, as a bit; 0: the board has none.
std::uint64_t lock_numbered(const BoardSettings& board, unsigned number) {
  const bool has =
      number >= board.first_channel && number < static_cast<unsigned>(board.first_channel) + board.channels;
  return has ? std::uint64_t{1} << (number - board.first_channel) : 0;
}

/// Bit by bit, as the Modbus specification describes it.
unsigned modbus_crc(Bytes bytes) {
  unsigned crc = 0xFFFF;
  for (const std::byte value : bytes) {
    crc ^= std::to_integer<unsigned>(value);
    for (int bit = 0; bit < 8; ++bit) {
      crc = (crc & 1) != 0 ? (crc >> 1) ^ 0xA001 : crc >> 1;
    }
  }
  return crc;
}

unsigned checksum_of(BoardFamily family, Bytes body) {
  unsigned value = 0;
  switch (family) {
    case BoardFamily::kP1:
    case BoardFamily::kP7:
      for (const std::byte byte : body) {
        value ^= std::to_integer<unsigned>(byte);
      }
      return value;
    case BoardFamily::kP2:
      for (const std::byte byte : body) {
        value += std::to_integer<unsigned>(byte);
      }
      return value % 256;
    case BoardFamily::kP5:
      return modbus_crc(body);
    case BoardFamily::kP6:
      for (std::size_t i = 2; i < body.size(); ++i) {
        value += at(body, i);
      }
      return value % 256;
  }
  return 0;
}

bool begins(Bytes from, std::initializer_list<unsigned> head) {
  return from.size() >= head.size() &&
         std::equal(head.begin(), head.end(), from.begin(),
                    [](unsigned wanted, std::byte value) { return wanted == std::to_integer<unsigned>(value); });
}

/// The first `size` bytes, if there are so many and their checksum holds; else nothing.
Bytes whole(BoardFamily family, Bytes from, std::size_t size) {
  return from.size() >= size && checksum_holds(family, from.first(size)) ? from.first(size) : Bytes{};
}

// P1 -----------------------------------------------------------------------------------------------------------------

std::optional<Meaning> p1_meaning(const BoardSettings& board, Request request, Bytes from) {
  if (request.kind == Kind::kUnlock) {
    const Bytes frame = whole(board.family, from, 5);
    const bool fits = begins(frame, {0x8A, board.address, wire_number(board, request)}) &&
                      (at(frame, 3) == 0x00 || at(frame, 3) == 0x11);
    return fits ? std::optional(Meaning{}) : std::nullopt;
  }
  const std::size_t bytes = status_size(board);
  if (!begins(from, {0x80, board.address})) {
    return std::nullopt;
  }
  const Bytes frame = whole(board.family, from, bytes + 4);
  if (frame.empty() || at(frame, bytes + 2) != 0x33) {
    return std::nullopt;
  }
  std::uint64_t shut = 0;
  for (std::size_t lock = 0; lock < bytes * 8; ++lock) {
    const std::size_t byte = board.status_last ? bytes - 1 - lock / 8 : lock / 8;
    const bool one = (at(frame, 2 + byte) >> lock % 8 & 1) != 0;
    if (lock >= board.channels && one) {
      return std::nullopt;  // There is no such lock.
    }
    shut |= lock < board.channels && one == board.shut_is_one ? std::uint64_t{1} << lock : 0;
  }
  return Meaning{.inputs = shut};
}

std::uint64_t p1_coils(const BoardSettings& board, Bytes frame) {
  if (frame.size() < 5 || at(frame, 1) != board.address) {
    return 0;
  }
  const unsigned head = at(frame, 0);
  const bool timed = frame.size() == 6 && at(frame, 4) >= 1 && at(frame, 4) <= 9;
  if ((head == 0x8A && (frame.size() == 5 || timed)) || (head == 0x9A && frame.size() == 5)) {
    const bool every = head == 0x8A && at(frame, 2) == 0 && board.first_channel == 1;
    return at(frame, 3) != 0x11 ? 0 : every ? locks_of(board) : lock_numbered(board, at(frame, 2));
  }
  std::uint64_t mask = 0;
  if (head == 0x90 && frame.size() == status_size(board) + 3) {
    // Either order of its bytes: that is a setting of its own, which a host has no use for.
    for (std::size_t lock = 0; lock < board.channels; ++lock) {
      const bool first = (at(frame, 2 + lock / 8) >> lock % 8 & 1) != 0;
      const bool last = (at(frame, 1 + status_size(board) - lock / 8) >> lock % 8 & 1) != 0;
      mask |= first || last ? std::uint64_t{1} << lock : 0;
    }
  }
  return mask;
}

// P2 -----------------------------------------------------------------------------------------------------------------

std::optional<Meaning> p2_meaning(const BoardSettings& board, Bytes from) {
  if (!begins(from, {0x02})) {
    return std::nullopt;
  }
  const Bytes frame = whole(board.family, from, 9);
  if (frame.empty() || at(frame, 1) >> 4 != board.address || at(frame, 2) != 0x35 || at(frame, 7) != 0x03) {
    return std::nullopt;
  }
  Meaning meaning;
  for (std::size_t lock = 0; lock < board.channels; ++lock) {
    const bool one = (at(frame, 3 + lock / 8) >> lock % 8 & 1) != 0;
    const bool item = (at(frame, 5 + lock / 8) >> lock % 8 & 1) != 0;
    meaning.inputs |= one == board.shut_is_one ? std::uint64_t{1} << lock : 0;
    meaning.inputs |= item ? std::uint64_t{1} << (board.channels + lock) : 0;
  }
  return meaning;
}

std::uint64_t p2_coils(const BoardSettings& board, Bytes frame) {
  if (frame.size() < 5 || at(frame, 0) != 0x02 || at(frame, frame.size() - 2) != 0x03) {
    return 0;
  }
  const bool mine = at(frame, 1) >> 4 == board.address;
  const bool one = mine && ((at(frame, 2) == 0x31 && frame.size() == 5) ||
                            (at(frame, 2) == 0x39 && frame.size() == 6 && at(frame, 3) <= 250));
  const bool every = (mine || at(frame, 1) == 0xF0) && at(frame, 2) == 0x33 && frame.size() == 5;
  return every ? locks_of(board) : one ? lock_numbered(board, at(frame, 1) & 0x0F) : 0;
}

// P5 -----------------------------------------------------------------------------------------------------------------

std::optional<Meaning> p5_meaning(const BoardSettings& board, Request request, Bytes from) {
  const unsigned function = request.kind == Kind::kRead ? 0x02 : 0x05;
  if (!begins(from, {board.address})) {
    return std::nullopt;
  }
  if (begins(whole(board.family, from, 5), {board.address, 0x80 | function})) {
    return Meaning{.what = Exchange::kRefused};
  }
  if (request.kind != Kind::kRead) {
    const Frame same = request_frame(board, request);
    const bool echoed = from.size() >= same.size() && std::equal(same.begin(), same.end(), from.begin());
    return echoed ? std::optional(Meaning{}) : std::nullopt;
  }
  const Bytes frame = whole(board.family, from, mask_size(board) + 5);
  if (!begins(frame, {board.address, function, static_cast<unsigned>(mask_size(board))})) {
    return std::nullopt;
  }
  Meaning meaning;
  for (std::size_t lock = 0; lock < board.channels; ++lock) {
    const bool one = (at(frame, 3 + lock / 8) >> lock % 8 & 1) != 0;
    meaning.inputs |= one == board.shut_is_one ? std::uint64_t{1} << lock : 0;
  }
  return meaning;
}

/// Relays that are linked to inputs go on later and by themselves, so a mode may be any relay's.
std::uint64_t p5_coils(const BoardSettings& board, Bytes frame) {
  if (frame.size() < 8 || (at(frame, 0) != board.address && at(frame, 0) != 0)) {
    return 0;
  }
  const unsigned function = at(frame, 1);
  const unsigned address = at(frame, 2) << 8 | at(frame, 3);
  if (function == 0x05 && address != 0x00FF) {
    return lock_numbered(board, address & 0xFF);
  }
  return function == 0x05 || function == 0x0F || function == 0x06 || function == 0x10 ? kEvery : 0;
}

// P6 -----------------------------------------------------------------------------------------------------------------

std::optional<Meaning> p6_meaning(const BoardSettings& board, Request request, Bytes from) {
  const bool read = request.kind == Kind::kRead;
  if (!begins(from, {0xDC, 0xFE, board.address, read ? 0x12U : 0x10U}) || from.size() < 6) {
    return std::nullopt;
  }
  const std::size_t length = at(from, 4);
  const Bytes frame = whole(board.family, from, 6 + length);
  if (frame.empty()) {
    return std::nullopt;
  }
  if (!read) {
    const bool form_a = length == 2 && at(frame, 5) == wire_number(board, request);
    return form_a || length == 1 ? std::optional(Meaning{}) : std::nullopt;
  }
  if (length != mask_size(board)) {
    return std::nullopt;
  }
  std::uint64_t open = 0;
  for (std::size_t lock = 0; lock < length * 8; ++lock) {
    open |= (at(frame, 5 + length - 1 - lock / 8) >> lock % 8 & 1) != 0 ? std::uint64_t{1} << lock : 0;
  }
  return open > locks_of(board) ? std::nullopt : std::optional(Meaning{.inputs = locks_of(board) ^ open});
}

std::uint64_t p6_coils(const BoardSettings& board, Bytes frame) {
  if (frame.size() < 6 || !begins(frame, {0xDC, 0x02, board.address}) || at(frame, 4) + 6 != frame.size()) {
    return 0;
  }
  const unsigned command = at(frame, 3);
  const std::size_t length = at(frame, 4);
  if (command == 0x14 && length == 0) {
    return locks_of(board);
  }
  if ((command == 0x10 && length == 1) || (command == 0x16 && length == 2 && at(frame, 6) == 1)) {
    return lock_numbered(board, at(frame, 5));
  }
  std::uint64_t mask = 0;
  if ((command == 0x15 || command == 0x18 || command == 0x1A) && length == mask_size(board)) {
    for (std::size_t i = 0; i < length; ++i) {
      mask = mask * 256 + at(frame, 5 + i);
    }
  }
  return mask;
}

// P7 -----------------------------------------------------------------------------------------------------------------

std::optional<Meaning> p7_meaning(const BoardSettings& board, Request request, Bytes from) {
  const bool read = request.kind == Kind::kRead;
  if (!begins(from, {0x57, 0x4B, 0x4C, 0x59}) || from.size() < 8 || at(from, 4) < 8) {
    return std::nullopt;
  }
  const Bytes frame = whole(board.family, from, at(from, 4));
  if (frame.empty() || at(frame, 5) != board.address || at(frame, 6) != (read ? 0x84U : 0x82U)) {
    return std::nullopt;
  }
  const Bytes data = frame.subspan(7, frame.size() - 8);
  if (!read) {
    const bool fits =
        data.size() == 3 && at(data, 1) == wire_number(board, request) && (at(data, 0) == 0x00 || at(data, 0) == 0xFF);
    return fits ? std::optional(Meaning{.what = at(data, 0) == 0 ? Exchange::kDone : Exchange::kRefused})
                : std::nullopt;
  }
  if (data.size() == 1 && at(data, 0) == 0xFF) {
    return Meaning{.what = Exchange::kRefused};
  }
  if (!begins(data, {0x00, board.channels}) || data.size() != board.channels + 2U) {
    return std::nullopt;
  }
  Meaning meaning;
  for (std::size_t lock = 0; lock < board.channels; ++lock) {
    if (at(data, 2 + lock) > 1) {
      return std::nullopt;
    }
    meaning.inputs |= std::uint64_t{at(data, 2 + lock)} << lock;
  }
  return meaning;
}

std::uint64_t p7_coils(const BoardSettings& board, Bytes frame) {
  if (frame.size() < 8 ||
      !begins(frame, {0x57, 0x4B, 0x4C, 0x59, static_cast<unsigned>(frame.size()), board.address})) {
    return 0;
  }
  const unsigned command = at(frame, 6);
  const Bytes data = frame.subspan(7, frame.size() - 8);
  if (command == 0x86 && data.empty()) {
    return locks_of(board);
  }
  if ((command == 0x82 || command == 0x88) && data.size() == 1) {
    return lock_numbered(board, at(data, 0));
  }
  std::uint64_t mask = 0;
  if ((command == 0x80 || command == 0x87) && !data.empty() && at(data, 0) == data.size() - 1) {
    for (std::size_t i = 1; i < data.size(); ++i) {
      const std::uint64_t lock = lock_numbered(board, at(data, i));
      if (lock == 0) {
        return 0;
      }
      mask |= lock;
    }
  }
  return mask;
}

/// Status bytes, least significant lock first.
Frame bits_of(std::uint64_t bits, std::size_t size) {
  Frame frame;
  for (std::size_t i = 0; i < size; ++i) {
    frame.push_back(static_cast<std::byte>(bits >> (8 * i) & 0xFF));
  }
  return frame;
}

Frame answer_to_unlock(const BoardSettings& board, Request request, const Told& told) {
  const unsigned number = wire_number(board, request);
  switch (board.family) {
    case BoardFamily::kP1:
      return bytes_of({0x8A, board.address, number, told.still_shut == board.shut_is_one ? 0x11U : 0x00U});
    case BoardFamily::kP6: {
      const unsigned open = told.still_shut ? 0 : 1;
      return told.form_b ? bytes_of({0xDC, 0xFE, board.address, 0x10, 1, open})
                         : bytes_of({0xDC, 0xFE, board.address, 0x10, 2, number, open});
    }
    case BoardFamily::kP7:
      return bytes_of({0x57, 0x4B, 0x4C, 0x59, 11, board.address, 0x82, told.refuses ? 0xFFU : 0x00U, number,
                       told.refuses      ? 0xFFU
                       : told.still_shut ? 1U
                                         : 0U});
    case BoardFamily::kP2:
    case BoardFamily::kP5:
      break;
  }
  return {};
}

Frame answer_to_read(const BoardSettings& board, const Told& told) {
  const std::uint64_t shut = told.inputs & locks_of(board);
  const std::uint64_t ones = board.shut_is_one ? shut : locks_of(board) ^ shut;
  Frame body;
  Frame bits;
  switch (board.family) {
    case BoardFamily::kP1:
      body = bytes_of({0x80, board.address});
      bits = bits_of(ones, status_size(board));
      if (board.status_last) {
        std::reverse(bits.begin(), bits.end());
      }
      body.insert(body.end(), bits.begin(), bits.end());
      body.push_back(std::byte{0x33});
      return body;
    case BoardFamily::kP2:
      body = bytes_of({0x02, static_cast<unsigned>(board.address) << 4 | told.address_low, 0x35});
      bits = bits_of(ones, 2);
      body.insert(body.end(), bits.begin(), bits.end());
      bits = bits_of(told.inputs >> board.channels & locks_of(board), 2);
      body.insert(body.end(), bits.begin(), bits.end());
      body.push_back(std::byte{0x03});
      return body;
    case BoardFamily::kP5:
      body = bytes_of({board.address, 0x02, static_cast<unsigned>(mask_size(board))});
      bits = bits_of(ones, mask_size(board));
      body.insert(body.end(), bits.begin(), bits.end());
      return body;
    case BoardFamily::kP6:
      body = bytes_of({0xDC, 0xFE, board.address, 0x12, static_cast<unsigned>(mask_size(board))});
      bits = bits_of(locks_of(board) ^ shut, mask_size(board));
      body.insert(body.end(), bits.rbegin(), bits.rend());
      return body;
    case BoardFamily::kP7:
      break;
  }
  if (told.refuses) {
    return bytes_of({0x57, 0x4B, 0x4C, 0x59, 9, board.address, 0x84, 0xFF});
  }
  body = bytes_of({0x57, 0x4B, 0x4C, 0x59, 10U + board.channels, board.address, 0x84, 0x00, board.channels});
  for (std::size_t lock = 0; lock < board.channels; ++lock) {
    body.push_back(static_cast<std::byte>(shut >> lock & 1));
  }
  return body;
}

Frame request_body(const BoardSettings& board, Request request) {
  const bool unlock = request.kind == Kind::kUnlock;
  const unsigned number = wire_number(board, request);
  Frame body;
  switch (board.family) {
    case BoardFamily::kP1:
      return unlock ? bytes_of({0x8A, board.address, number, 0x11}) : bytes_of({0x80, board.address, 0x00, 0x33});
    case BoardFamily::kP2:
      return bytes_of(
          {0x02, static_cast<unsigned>(board.address) << 4 | (unlock ? number : 0U), unlock ? 0x31U : 0x30U, 0x03});
    case BoardFamily::kP5:
      if (request.kind == Kind::kAllOff) {
        return bytes_of({board.address, 0x05, 0x00, 0xFF, 0x00, 0x00});
      }
      return unlock ? bytes_of({board.address, 0x05, 0x02, request.channel, 0x00, board.pulse_ms / 100U})
                    : bytes_of({board.address, 0x02, 0x00, 0x00, 0x00, board.channels});
    case BoardFamily::kP6:
      if (request.kind == Kind::kAllOff) {
        body = bytes_of({0xDC, 0x02, board.address, 0x1A, static_cast<unsigned>(mask_size(board))});
        body.resize(body.size() + mask_size(board));
        return body;
      }
      return unlock ? bytes_of({0xDC, 0x02, board.address, 0x10, 1, number})
                    : bytes_of({0xDC, 0x02, board.address, 0x12, 0});
    case BoardFamily::kP7:
      break;
  }
  return unlock ? bytes_of({0x57, 0x4B, 0x4C, 0x59, 9, board.address, 0x82, number})
                : bytes_of({0x57, 0x4B, 0x4C, 0x59, 8, board.address, 0x84});
}

}  // namespace

bool checksum_holds(BoardFamily family, Bytes frame) {
  const std::size_t size = family == BoardFamily::kP5 ? 2 : 1;
  if (frame.size() <= size) {
    return false;
  }
  const unsigned value = checksum_of(family, frame.first(frame.size() - size));
  const Bytes end = frame.last(size);
  return at(end, 0) == (value & 0xFF) && (size == 1 || at(end, 1) == value >> 8);
}

Frame sealed(BoardFamily family, Frame body) {
  const unsigned value = checksum_of(family, body);
  body.push_back(static_cast<std::byte>(value & 0xFF));
  if (family == BoardFamily::kP5) {
    body.push_back(static_cast<std::byte>(value >> 8));
  }
  return body;
}

Frame request_frame(const BoardSettings& board, Request request) {
  const bool has_all_off = board.family == BoardFamily::kP5 || board.family == BoardFamily::kP6;
  if (request.kind == Kind::kNone || (request.kind == Kind::kAllOff && !has_all_off)) {
    return {};
  }
  return sealed(board.family, request_body(board, request));
}

Frame answer_frame(const BoardSettings& board, Request request, const Told& told) {
  if (board.family == BoardFamily::kP5 && told.refuses) {
    const unsigned function = request.kind == Kind::kRead ? 0x82 : 0x85;
    return sealed(board.family, bytes_of({board.address, function, 0x03}));
  }
  if (board.family == BoardFamily::kP5 && request.kind != Kind::kRead) {
    return request_frame(board, request);
  }
  const bool status = request.kind == Kind::kRead || board.family == BoardFamily::kP2;
  return sealed(board.family, status ? answer_to_read(board, told) : answer_to_unlock(board, request, told));
}

std::optional<Meaning> meaning_of(const BoardSettings& board, Request request, Bytes from) {
  switch (board.family) {
    case BoardFamily::kP1:
      return p1_meaning(board, request, from);
    case BoardFamily::kP2:
      return p2_meaning(board, from);
    case BoardFamily::kP5:
      return p5_meaning(board, request, from);
    case BoardFamily::kP6:
      return p6_meaning(board, request, from);
    case BoardFamily::kP7:
      break;
  }
  return p7_meaning(board, request, from);
}

std::uint64_t coils_of(const BoardSettings& board, Bytes frame) {
  std::uint64_t coils = 0;
  switch (board.family) {
    case BoardFamily::kP1:
      coils = p1_coils(board, frame);
      break;
    case BoardFamily::kP2:
      coils = p2_coils(board, frame);
      break;
    case BoardFamily::kP5:
      coils = p5_coils(board, frame);
      break;
    case BoardFamily::kP6:
      coils = p6_coils(board, frame);
      break;
    case BoardFamily::kP7:
      coils = p7_coils(board, frame);
      break;
  }
  return coils != 0 && checksum_holds(board.family, frame) ? coils : 0;
}

}  // namespace cubby::tests
