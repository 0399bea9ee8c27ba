#include "firmware/ports/posix/controller_config.h"

#include <charconv>

#include "firmware/app/config_check.h"
#include "firmware/core/board_settings.h"
#include "firmware/ports/posix/station_config.h"
#include "firmware/ports/posix/toml_table.h"
#include "firmware/toml/toml_text.h"
#include "firmware/wire/codec/config_codec.h"

namespace cubby::posix {
namespace {

constexpr std::uint32_t kSectorsMin = 8;
constexpr std::uint32_t kSectorSize = 4096;
constexpr char kTcp[] = "tcp://";

void put_override(toml::table& root, const Override& it) {
  if (!root.contains(it.table)) {
    root.insert(it.table, toml::table{});
  }
  toml::table* table = root[it.table].as_table();
  if (table == nullptr) {
    return;  // Said when the table is read.
  }
  for (const PortOption& option : port_options()) {
    if (option.table != it.table || option.key != it.key) {
      continue;
    }
    std::int64_t number = 0;
    const char* end = it.value.data() + it.value.size();
    const bool is_number = std::from_chars(it.value.data(), end, number) == std::from_chars_result{end, std::errc{}};
    if (option.kind == PortOption::Kind::kNumber && is_number) {
      table->insert_or_assign(it.key, number);
    } else if (option.kind == PortOption::Kind::kFlag) {
      table->insert_or_assign(it.key, true);
    } else {
      table->insert_or_assign(it.key, it.value);
    }
  }
}

/// A device, or tcp://HOST:PORT, which is `tcp`.
bool read_line_address(TomlTable& table, LineAddress::Kind tcp, LineAddress& address) {
  std::string device;
  if (!table.text("device", device)) {
    return false;
  }
  if (!device.starts_with(kTcp)) {
    address.kind = LineAddress::Kind::kSerial;
    address.path = device;
    if (device.empty()) {
      table.complain("device", "'device' is empty");
    }
    return true;
  }
  address.kind = tcp;
  if (!parse_endpoint(device.substr(sizeof kTcp - 1), address.host, address.port)) {
    table.complain("device", "'" + device + "' is not tcp://ADDRESS:PORT with an address in digits");
  }
  return true;
}

void read_baud(TomlTable& table, std::uint32_t& baud) {
  if (table.integer("baud", {.low = limits::kBaudMin, .high = limits::kBaudMax}, baud) && !core::baud_holds(baud)) {
    table.complain("baud", "'baud' must be 4800, 9600, 19200, 38400, 57600 or 115200, not " + std::to_string(baud));
  }
}

void read_lines(const toml::table& root, Problems& problems, PortSettings& port) {
  TomlTable bus(root["bus"].as_table(), "[bus]", problems);
  bus.need("device");
  read_line_address(bus, LineAddress::Kind::kTcpConnect, port.bus);
  read_baud(bus, port.bus_baud);
  port.bus.baud = port.bus_baud;
  bus.flag("echo", port.bus_echo);
  bus.finish();

  TomlTable panel(root["panel"].as_table(), "[panel]", problems);
  LineAddress address;
  if (read_line_address(panel, LineAddress::Kind::kTcpListen, address)) {
    if (address.kind == LineAddress::Kind::kTcpListen && !is_loopback(address.host)) {
      panel.complain("device", "a panel is listened for on this machine's loopback only");
    }
    port.panel = address;
  }
  std::uint32_t baud = address.baud;
  read_baud(panel, baud);
  if (port.panel.has_value()) {
    port.panel->baud = baud;
  }
  panel.finish();
}

void read_uplink(const toml::table& root, Problems& problems, PortSettings& port) {
  TomlTable uplink(root["uplink"].as_table(), "[uplink]", problems);
  std::string aggregator;
  bool plaintext = false;
  uplink.need("aggregator");
  uplink.flag("allow_plaintext", plaintext);
  uplink.flag("new_journal", port.new_journal);
  port.aggregator.kind = LineAddress::Kind::kTcpConnect;
  uplink.text("tls", port.tls.folder);
  const bool has_name = uplink.text("server_name", port.tls.server_name);
  if (plaintext && !port.tls.folder.empty()) {
    uplink.complain("allow_plaintext", "there is no falling back from 'tls' to plaintext; leave one out");
  }
  if (has_name && (port.tls.folder.empty() || port.tls.server_name.empty())) {
    uplink.complain("server_name", "'server_name' is the name in the aggregator's certificate and goes with 'tls'");
  }
  if (uplink.text("aggregator", aggregator)) {
    if (!parse_endpoint(aggregator, port.aggregator.host, port.aggregator.port)) {
      uplink.complain("aggregator", "'" + aggregator + "' is not ADDRESS:PORT with an address in digits");
    } else if (!is_loopback(port.aggregator.host) && port.tls.folder.empty() && !plaintext) {
      uplink.complain("aggregator",
                      "'" + aggregator +
                          "' is not loopback; 'tls' names a folder of certificates, or allow_plaintext = true reports "
                          "there without them, and anybody on the way can read it");
    }
    if (!has_name) {
      port.tls.server_name = port.aggregator.host;
    }
  }
  uplink.finish();
}

void read_rest(const toml::table& root, Problems& problems, PortSettings& port) {
  TomlTable journal(root["journal"].as_table(), "[journal]", problems);
  journal.need("file");
  journal.text("file", port.journal_file);
  port.geometry.sector_size = kSectorSize;
  journal.integer("sectors", {.low = kSectorsMin, .high = limits::kSectorsMax}, port.geometry.sector_count);
  journal.finish();

  TomlTable keys(root["keys"].as_table(), "[keys]", problems);
  keys.need("station");
  keys.need("pass");
  keys.text("station", port.station_key_file);
  keys.text("pass", port.pass_key_file);
  keys.finish();

  TomlTable power(root["power"].as_table(), "[power]", problems);
  power.text("status_file", port.power_status_file);
  if (!power.text("run_file", port.run_file) && !port.journal_file.empty()) {
    port.run_file = port.journal_file + ".run";
  }
  power.finish();

  TomlTable clock(root["clock"].as_table(), "[clock]", problems);
  clock.flag("trust", port.trust_clock);
  clock.finish();

  TomlTable log(root["log"].as_table(), "[log]", problems);
  const std::vector<std::string> levels{"debug", "info", "warn", "error", "off"};
  if (const auto level = log.word("level", levels); level.has_value()) {
    port.log_level = levels[*level];
  }
  log.finish();
}

void judge_tables(const toml::table& root, Problems& problems) {
  TomlTable all(&root, "the file", problems);
  for (const char* name : {"bus", "panel", "journal", "uplink", "keys", "power", "clock", "log", "station", "rules"}) {
    if (const toml::node* table = all.node(name); table != nullptr && !table->is_table()) {
      all.complain(name, "'" + std::string(name) + "' must be a table: [" + name + "]");
    }
  }
  for (const char* name : {"board", "doors", "brand"}) {
    if (const toml::node* list = all.node(name); list != nullptr && !list->is_array_of_tables()) {
      all.complain(name, "'" + std::string(name) + "' must be tables: [[" + name + "]]");
    }
  }
  all.finish();
}

}  // namespace

const std::vector<PortOption>& port_options() {
  using Kind = PortOption::Kind;
  static const std::vector<PortOption> kOptions{
      {"bus", "device", Kind::kText, "Serial device of the lock boards, a pattern of one, or tcp://ADDRESS:PORT"},
      {"bus", "baud", Kind::kNumber, "Its speed; default: 9600"},
      {"bus", "echo", Kind::kFlag, "The adapter gives back what is sent"},
      {"panel", "device", Kind::kText, "Serial device of the front panel, or tcp://127.0.0.1:PORT to listen on"},
      {"panel", "baud", Kind::kNumber, "Its speed; default: 9600"},
      {"journal", "file", Kind::kText, "The journal; made if missing"},
      {"journal", "sectors", Kind::kNumber, "Of 4 KiB, 8 to 256; default: 32"},
      {"uplink", "aggregator", Kind::kText, "ADDRESS:PORT of the aggregator"},
      {"uplink", "tls", Kind::kText, "Folder of this station's cert.pem, key.pem and ca.pem, from cubby pki issue"},
      {"uplink", "server_name", Kind::kText, "Name in the aggregator's certificate; default: the address"},
      {"uplink", "allow_plaintext", Kind::kFlag, "It may be beyond loopback, without TLS"},
      {"uplink", "new_journal", Kind::kFlag, "Announce a fresh journal to a store that knows this station"},
      {"keys", "station", Kind::kText, "File of the station's keys"},
      {"keys", "pass", Kind::kText, "File of the key that passes are signed with"},
      {"power", "status_file", Kind::kText, "A UPS daemon's word: mains, battery or failing"},
      {"power", "run_file", Kind::kText, "Remembers how the last run ended; default: JOURNAL.run"},
      {"clock", "trust", Kind::kFlag, "The computer's clock has a battery and is right"},
      {"log", "level", Kind::kText, "debug, info, warn, error or off; default: info"},
  };
  return kOptions;
}

std::vector<std::string> read_config(const std::string& file, const std::string& text,
                                     const std::vector<Override>& overrides, ControllerConfig& config) {
  config = {};
  Problems problems(file);
  toml_text::Parsed parsed = toml_text::parse(text);
  if (parsed.problem.has_value()) {
    problems.add(parsed.problem->at, parsed.problem->what);
    return problems.sentences();
  }
  toml::table& root = parsed.table;
  for (const Override& it : overrides) {
    put_override(root, it);
  }
  judge_tables(root, problems);
  read_lines(root, problems, config.port);
  read_uplink(root, problems, config.port);
  read_rest(root, problems, config.port);
  config.station.bus_baud = config.port.bus_baud == limits::kBaudDefault ? 0 : config.port.bus_baud;
  config.station.bus_echo = config.port.bus_echo;
  read_station(root, problems, config.station);
  if (!problems.empty()) {
    return problems.sentences();
  }
  // The firmware's own check has the last word; what it refuses and was not said above has no line of its own.
  if (app::check_config(config.station) != Status::kOk) {
    problems.add("the firmware refuses this station");
    return problems.sentences();
  }
  config.encoded.resize(limits::kConfigBytesMax);
  const auto size = wire::encode_config(config.station, config.encoded);
  if (!size.ok()) {
    problems.add("the station has more than " + std::to_string(limits::kConfigBytesMax) + " bytes");
    return problems.sentences();
  }
  config.encoded.resize(size.value());
  return {};
}

}  // namespace cubby::posix
