#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "firmware/ports/posix/system_calls.h"

namespace cubby::posix {

/// Where a byte stream is: a serial device, or TCP by address (names are not looked up: that would block).
struct LineAddress {
  enum class Kind : std::uint8_t { kSerial, kTcpConnect, kTcpListen };
  Kind kind = Kind::kSerial;
  std::string path;  // kSerial: of the device, or a pattern as a shell has them; the first that opens is taken.
  std::uint32_t baud = 9600;  // kSerial.
  std::string host;           // In digits.
  std::uint16_t port = 0;

  /// As a person would write it.
  std::string text() const;
};

/// "127.0.0.1:7400", "[::1]:7400" or "localhost:7400" as host and port; nullopt: not of that form. `host` is in digits
/// afterwards.
bool parse_endpoint(std::string_view text, std::string& host, std::uint16_t& port);
/// An address of this machine's own loopback, in digits.
bool is_loopback(const std::string& host);

/// Opens a serial port for exclusive use: raw, 8N1, no flow control, not blocking. Of a pattern's matches the first
/// that opens; `name` is then its own. Invalid: `why` has the last failure.
Descriptor open_serial(const LineAddress& address, std::string& name, std::string& why);
/// Begins to connect; whether it came about shows later. What a closed connection had not sent is dropped if `abrupt`.
Descriptor start_connecting(const LineAddress& address, bool abrupt, std::string& why);
Descriptor start_listening(const LineAddress& address, std::string& why);
/// The next client, invalid if there is none.
Descriptor accept_client(int listener);

}  // namespace cubby::posix
