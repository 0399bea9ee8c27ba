#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cubby/v1/config.nanopb.h"
#include "firmware/base/limits.h"
#include "firmware/hal/nor_flash.h"
#include "firmware/ports/posix/line_address.h"
#include "firmware/ports/posix/uplink_certificate.h"

namespace cubby::posix {

/// What the port needs to know; the names are those of the file's tables and keys.
struct PortSettings {
  LineAddress bus;
  std::uint32_t bus_baud = limits::kBaudDefault;
  bool bus_echo = false;
  std::optional<LineAddress> panel;  // Absent: the station has none.
  std::string journal_file;
  hal::FlashGeometry geometry;
  LineAddress aggregator;
  TlsSettings tls;
  bool new_journal = false;  // See CAPABILITY_NEW_JOURNAL of uplink.proto.
  std::string station_key_file;
  std::string pass_key_file;
  std::string power_status_file;  // Empty: always mains.
  std::string run_file;
  bool trust_clock = false;
  std::string log_level = "info";
};

struct ControllerConfig {
  PortSettings port;
  cubby_v1_StationConfig station{};
  std::vector<std::byte> encoded;  // The same, as the controller boots from it: equal files give equal bytes.
};

/// A value of the command line, which wins over the file's.
struct Override {
  std::string table;
  std::string key;
  std::string value;
};

/// What can be said on the command line as --TABLE-KEY: the settings of the port, not the station.
struct PortOption {
  enum class Kind : std::uint8_t { kText, kNumber, kFlag };
  const char* table;
  const char* key;
  Kind kind;
  const char* help;
};
const std::vector<PortOption>& port_options();

/// Reads TOML text. Empty: good. Otherwise every sentence that there is to say, with file, line and column.
std::vector<std::string> read_config(const std::string& file, const std::string& text,
                                     const std::vector<Override>& overrides, ControllerConfig& config);

}  // namespace cubby::posix
