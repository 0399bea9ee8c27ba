#include "emulator/hardware/boards/frame_text.h"

#include <algorithm>
#include <array>

#include "emulator/hardware/boards/frame_bytes.h"
#include "firmware/base/crc.h"

namespace cubby::emulator {
namespace {

constexpr std::string_view kHexDigits = "0123456789ABCDEF";

unsigned at(Bytes bytes, std::size_t index) {
  return static_cast<unsigned>(bytes[index]);
}
unsigned word(Bytes bytes, std::size_t index) {
  return at(bytes, index) << 8 | at(bytes, index + 1);
}
std::string number(unsigned value) {
  return std::to_string(value);
}
std::string hex_byte(unsigned value) {
  return {kHexDigits[value >> 4 & 15U], kHexDigits[value & 15U]};
}
std::string board(unsigned address) {
  return "board " + number(address) + ": ";
}

// P1 ----------------------------------------------------------------------------------------------------------------

std::string p1_channel(unsigned channel) {
  return channel == 0 ? "all" : number(channel);
}

std::string p1_text(Bytes frame, bool from_host) {
  const unsigned value = at(frame, 3);
  const std::string channel = p1_channel(at(frame, 2));
  switch (at(frame, 0)) {
    case 0x8A:
      if (from_host) {
        return "unlock " + channel + (frame.size() == 6 ? " for " + number(at(frame, 4)) + " s" : "");
      }
      return "unlocked " + channel + ", status " + hex_byte(value);
    case 0x80:
      if (from_host) {
        return "read " + channel;
      }
      return frame.size() == 5 ? "status of " + channel + " " + hex_byte(value)
                               : "status of all " + to_hex(frame.subspan(2, frame.size() - 4));
    case 0x90:
      return "unlock several " + to_hex(frame.subspan(2, frame.size() - 3));
    case 0x9A:
    case 0x9B:
      return std::string(at(frame, 0) == 0x9A ? "hold " : "release ") + channel +
             (from_host ? "" : ", status " + hex_byte(value));
    case 0x82:
      if (from_host) {
        return "version?";
      }
      return at(frame, 2) == 0 ? "version " + hex_byte(value)
                               : "news: " + channel + " " + (value == 0x11 ? "pressed" : "released");
    default:
      return "?";
  }
}

ToldFrame tell_p1(Bytes bytes, bool from_host) {
  const unsigned head = at(bytes, 0);
  if (head != 0x8A && head != 0x80 && head != 0x90 && head != 0x9A && head != 0x9B && head != 0x82) {
    return {};
  }
  // A list of doors is 3, 4 or 7 bytes, a read-all reply has its 33 behind it.
  constexpr std::array kSizes{5U, 6U, 7U, 8U, 10U, 11U};
  for (const std::size_t size : kSizes) {
    const bool list = head == 0x90 ? size == 6 || size == 7 || size == 10
                                   : !from_host && head == 0x80 && (size == 7 || size == 8 || size == 11);
    const bool plain = head != 0x90 && (size == 5 || (head == 0x8A && from_host && size == 6));
    if ((list || plain) && bytes.size() >= size && xor_of(bytes.first(size)) == std::byte{0}) {
      return {size, board(at(bytes, 1)) + p1_text(bytes.first(size), from_host)};
    }
  }
  return {};
}

// P2 ----------------------------------------------------------------------------------------------------------------

std::string p2_text(Bytes frame) {
  const std::string lock = number(at(frame, 1) & 15U);
  switch (at(frame, 2)) {
    case 0x30:
      return "status?";
    case 0x31:
      return "unlock " + lock;
    case 0x32:
      return "status of all boards?";
    case 0x33:
      return "unlock all";
    case 0x35:
    case 0x36:
      return "locks " + to_hex(frame.subspan(3, 2)) + ", items " + to_hex(frame.subspan(5, 2));
    case 0x37:
      return frame.size() == 5 ? "unlock time?" : "unlock time := " + number(word(frame, 3) * 10) + " ms";
    case 0x38:
      return "unlock time " + number(word(frame, 3) * 10) + " ms";
    case 0x39:
      return "unlock " + lock + " in " + number(at(frame, 3)) + " s";
    case 0x40:
      return "baud := number " + number(at(frame, 3));
    default:
      return "?";
  }
}

ToldFrame tell_p2(Bytes bytes) {
  constexpr std::array kSizes{5U, 6U, 7U, 9U};
  if (at(bytes, 0) != 0x02 || bytes.size() < 5) {
    return {};
  }
  const auto good = [&](std::size_t size) {
    return bytes.size() >= size && bytes[size - 2] == std::byte{3} && sum_of(bytes.first(size - 1)) == bytes[size - 1];
  };
  for (const std::size_t size : kSizes) {
    // An unlock time may be set with bytes that begin like the question for it.
    if (!good(size) || (at(bytes, 2) == 0x37 && size == 5 && good(7))) {
      continue;
    }
    const Bytes frame = bytes.first(size);
    if (const std::string text = p2_text(frame); text != "?") {
      return {size, (at(frame, 1) == 0xF0 ? "every board: " : board(at(frame, 1) >> 4)) + text};
    }
  }
  return {};
}

// P5 ----------------------------------------------------------------------------------------------------------------

std::size_t p5_size(Bytes bytes, bool from_host) {
  const unsigned function = at(bytes, 1);
  const bool counted = bytes.size() > 6;
  switch (function) {
    case 0x01:
    case 0x02:
    case 0x03:
    case 0x04:
      return from_host ? 8 : 5 + (bytes.size() > 2 ? at(bytes, 2) : 0);
    case 0x0F:
    case 0x10:
      return from_host ? 9 + (counted ? at(bytes, 6) : 0) : 8;
    default:
      return (function & 0x80U) != 0 ? 5 : 8;
  }
}

std::string p5_coil(unsigned coil, unsigned value) {
  const std::string channel = coil == 0x00FF ? "all" : number(coil & 0xFFU);
  if ((coil & 0xFF00U) == 0x0200U || (coil & 0xFF00U) == 0x0400U) {
    return "relay " + channel + ((coil & 0xFF00U) == 0x0200U ? " on for " : " off for ") + number(value * 100) + " ms";
  }
  return "relay " + channel +
         (value == 0xFF00U   ? " on"
          : value == 0       ? " off"
          : value == 0x5500U ? " toggle"
                             : " := " + number(value));
}

std::string p5_text(Bytes frame, bool from_host) {
  const unsigned function = at(frame, 1);
  if ((function & 0x80U) != 0) {
    return "exception " + number(at(frame, 2)) + " to function " + number(function & 0x7FU);
  }
  switch (function) {
    case 0x01:
    case 0x02:
    case 0x03: {
      const std::string what = function == 1 ? "relays" : function == 2 ? "inputs" : "control modes";
      return from_host ? what + " " + number(word(frame, 2)) + " and " + number(word(frame, 4)) + " in all?"
                       : what + " " + to_hex(frame.subspan(3, frame.size() - 5));
    }
    case 0x05:
      return p5_coil(word(frame, 2), word(frame, 4));
    case 0x06:
      return "control mode " + number(word(frame, 2)) + " := " + number(word(frame, 4));
    case 0x0F:
      return number(word(frame, 4)) + " relays from " + number(word(frame, 2)) +
             (from_host ? " := " + to_hex(frame.subspan(7, frame.size() - 9)) : "");
    case 0x10:
      return number(word(frame, 4)) + " control modes from " + number(word(frame, 2));
    default:
      return "function " + number(function);
  }
}

ToldFrame tell_p5(Bytes bytes, bool from_host) {
  if (bytes.size() < 5) {
    return {};
  }
  const std::size_t size = p5_size(bytes, from_host);
  if (bytes.size() < size ||
      crc16_modbus(bytes.first(size - 2)) != load_le<std::uint16_t>(bytes.subspan(size - 2, 2))) {
    return {};
  }
  const unsigned address = at(bytes, 0);
  return {size, (address == 0 ? "every board: " : board(address)) + p5_text(bytes.first(size), from_host)};
}

// P6 ----------------------------------------------------------------------------------------------------------------

std::string p6_text(Bytes frame, bool request) {
  const Bytes data = frame.subspan(5, frame.size() - 6);
  const std::string rest = data.empty() ? "" : " " + to_hex(data);
  const std::string answer = request ? "" : ":";
  switch (at(frame, 3)) {
    case 0x01:
      return request ? "version?" : "version" + rest;
    case 0x10:
      return "open" + answer + rest;
    case 0x11:
      return "read" + answer + rest;
    case 0x12:
      return "read all" + answer + rest;
    case 0x14:
      return "open all" + answer + rest;
    case 0x15:
      return "open in turn" + answer + rest;
    case 0x16:
      return "hold" + answer + rest;
    case 0x18:
      return "open together" + answer + rest;
    case 0x1A:
      return "outputs" + answer + rest;
    default:
      return "command " + hex_byte(at(frame, 3)) + answer + rest;
  }
}

ToldFrame tell_p6(Bytes bytes) {
  if (bytes.size() < 6 || at(bytes, 0) != 0xDC || (at(bytes, 1) != 0x02 && at(bytes, 1) != 0xFE)) {
    return {};
  }
  const std::size_t size = 6 + at(bytes, 4);
  if (bytes.size() < size || sum_of(bytes.subspan(2, size - 3)) != bytes[size - 1]) {
    return {};
  }
  return {size, board(at(bytes, 2)) + p6_text(bytes.first(size), at(bytes, 1) == 0x02)};
}

// P7 ----------------------------------------------------------------------------------------------------------------

std::string p7_text(Bytes frame, bool from_host) {
  constexpr std::array kNames{"open together", "flash LED", "open",         "read", "read all",
                              "news",          "open all",  "open in turn", "hold", "release"};
  const unsigned command = at(frame, 6);
  const Bytes data = frame.subspan(7, frame.size() - 8);
  std::string text = command >= 0x80 && command < 0x80 + kNames.size() ? std::string(kNames[command - 0x80])
                                                                       : "command " + hex_byte(command);
  if (from_host || command == 0x85 || data.empty()) {
    return text + (data.empty() ? "" : " " + to_hex(data));
  }
  text += at(data, 0) == 0 ? ": ok" : ": fail";
  return text + (data.size() > 1 ? " " + to_hex(data.subspan(1)) : "");
}

ToldFrame tell_p7(Bytes bytes, bool from_host) {
  if (bytes.size() < 8 || at(bytes, 0) != 0x57 || at(bytes, 1) != 0x4B || at(bytes, 2) != 0x4C ||
      at(bytes, 3) != 0x59) {
    return {};
  }
  const std::size_t size = at(bytes, 4);
  if (size < 8 || bytes.size() < size || xor_of(bytes.first(size)) != std::byte{0}) {
    return {};
  }
  return {size, board(at(bytes, 5)) + p7_text(bytes.first(size), from_host)};
}

}  // namespace

ToldFrame tell_frame(BoardFamily family, Bytes bytes, bool from_host) {
  if (bytes.empty()) {
    return {};
  }
  switch (family) {
    case BoardFamily::kP1:
      return tell_p1(bytes, from_host);
    case BoardFamily::kP2:
      return tell_p2(bytes);
    case BoardFamily::kP5:
      return tell_p5(bytes, from_host);
    case BoardFamily::kP6:
      return tell_p6(bytes);
    case BoardFamily::kP7:
      break;
  }
  return tell_p7(bytes, from_host);
}

std::string tell_burst(std::span<const BoardFamily> families, Bytes bytes, bool from_host) {
  std::string text;
  std::size_t strange = 0;
  const auto add = [&](const std::string& more) { text += (text.empty() ? "" : "; ") + more; };
  const auto add_strange = [&] {
    if (strange != 0) {
      add(std::to_string(strange) + (strange == 1 ? " byte that is no frame" : " bytes that are no frame"));
    }
    strange = 0;
  };
  while (!bytes.empty()) {
    ToldFrame frame;
    for (const BoardFamily family : families) {
      if (frame = tell_frame(family, bytes, from_host); frame.size != 0) {
        add_strange();
        add(std::string(to_string(family)) + " " + frame.text);
        break;
      }
    }
    strange += frame.size == 0 ? 1 : 0;
    bytes = bytes.subspan(std::max<std::size_t>(frame.size, 1));
  }
  add_strange();
  return text;
}

std::string to_hex(Bytes bytes) {
  std::string text;
  for (const std::byte value : bytes) {
    text += (text.empty() ? "" : " ") + hex_byte(static_cast<unsigned>(value));
  }
  return text;
}

}  // namespace cubby::emulator
