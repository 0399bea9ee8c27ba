#include "firmware/ports/posix/config_report.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <memory>
#include <ostream>

#include "firmware/base/digest.h"
#include "firmware/core/station_state.h"
#include "firmware/hal/memory_flash.h"
#include "firmware/ports/posix/file_flash.h"
#include "firmware/ports/posix/host_files.h"
#include "firmware/store/journal.h"

namespace cubby::posix {
namespace {

std::size_t parcels_in(const core::StationState& state) {
  std::size_t parcels = 0;
  for (std::size_t number = 1; number <= limits::kCompartmentsMax; ++number) {
    parcels += state.compartment(static_cast<std::uint8_t>(number)).parcel.counter != 0 ? 1 : 0;
  }
  return parcels;
}

bool report_mount(const std::string& file, Status status, const store::Journal& journal,
                  const store::MountReport& report, const core::StationState& state, std::ostream& out) {
  switch (status) {
    case Status::kOk:
      out << "journal: " << file << ": " << journal.next_seq() - 1 << " events up to now, boot " << journal.boot() - 1
          << ", " << parcels_in(state) << " parcels inside";
      if (report.damaged != 0) {
        out << "; " << report.damaged << " damaged places";
      }
      if (report.records_lost != 0) {
        out << "; up to " << report.records_lost << " records are missing: nobody knows what is behind any door";
      }
      if (report.events_lost_from != 0) {
        out << "; events " << report.events_lost_from << " to " << report.events_lost_to << " are lost";
      }
      out << '\n';
      return true;
    case Status::kNotFound:
      out << "journal: " << file << ": blank; the next start makes a new journal\n";
      return true;
    case Status::kVersion:
      out << "journal: " << file << ": a newer firmware wrote it\n";
      return false;
    case Status::kCorrupt:
      out << "journal: " << file << ": is none, or one of other sectors, or beyond recovery\n";
      return false;
    default:
      out << "journal: " << file << ": cannot be mounted (" << to_string(status) << ")\n";
      return false;
  }
}

/// Parcels inside that no code opens, because the key of theirs is not in the file any more.
std::size_t parcels_without_key(const core::StationState& state, const StationKeys& keys) {
  std::size_t parcels = 0;
  for (std::size_t number = 1; number <= limits::kCompartmentsMax; ++number) {
    const auto& parcel = state.compartment(static_cast<std::uint8_t>(number)).parcel;
    const bool has_key = std::any_of(keys.begin(), keys.end(),
                                     [&parcel](const VersionedKey& key) { return key.version == parcel.key_version; });
    parcels += parcel.counter != 0 && !parcel.code_dead && !has_key ? 1 : 0;
  }
  return parcels;
}

bool report_journal(const PortSettings& port, const std::optional<StationKeys>& keys, std::ostream& out) {
  std::string image;
  std::string why;
  bool in_use = false;
  if (!read_image({.path = port.journal_file, .geometry = port.geometry}, image, in_use, why)) {
    const bool missing = why.ends_with("No such file or directory");
    out << "journal: " << (missing ? port.journal_file + ": not there yet; the first start makes it" : why) << '\n';
    return missing;
  }
  if (in_use) {
    out << "journal: " << port.journal_file << ": a controller has it; not looked into\n";
    return true;
  }
  hal::MemoryFlash flash(port.geometry, std::as_writable_bytes(std::span(image)));  // A copy: nothing is changed.
  const auto scratch = std::make_unique<cubby_v1_Event>();
  const auto journal = std::make_unique<store::Journal>(flash);
  const auto state = std::make_unique<core::StationState>(*scratch);
  store::MountReport report;
  const Status status = journal->mount(*state, report);
  const bool good = report_mount(port.journal_file, status, *journal, report, *state, out);
  const std::size_t lost = status == Status::kOk && keys.has_value() ? parcels_without_key(*state, *keys) : 0;
  if (lost != 0) {
    out << "station key: the codes of " << lost << " parcels inside are of a version that is not in the file\n";
  }
  return good && lost == 0;
}

bool report_pass_key(const std::string& file, std::ostream& out) {
  std::string why;
  const bool good = read_key_file(file, why).has_value();
  out << "pass key: " << (good ? file + ": good" : why) << '\n';
  return good;
}

bool report_station_keys(const std::optional<StationKeys>& keys, const std::string& file, const std::string& why,
                         std::ostream& out) {
  out << "station key: ";
  if (!keys.has_value()) {
    out << why << '\n';
    return false;
  }
  out << file << ": good, version " << (*keys)[keys->size() - 1].version;
  for (std::size_t i = 0; i + 1 < keys->size(); ++i) {
    out << (i == 0 ? ", for older codes also " : ", ") << (*keys)[i].version;
  }
  out << '\n';
  return true;
}

bool report_certificate(const ControllerConfig& config, std::ostream& out) {
  const TlsSettings& tls = config.port.tls;
  if (tls.folder.empty()) {
    out << "certificate: none, plaintext\n";
    return true;
  }
  std::string why;
  const auto credentials = load_certificate(tls, config.station.station, why);
  if (credentials == nullptr) {
    out << "certificate: " << why << '\n';
    return false;
  }
  const std::int64_t expires_utc_s = credentials->own().expires_utc_s;
  const bool good = expires_utc_s > static_cast<std::int64_t>(HostTime().realtime_ms() / 1'000);
  const std::time_t when = expires_utc_s;
  std::tm parts{};
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&when, &parts));
  out << "certificate: " << tls.folder << ": " << (good ? "good until " : "has expired on ") << text.data() << '\n';
  return good;
}

/// An adapter that is not there is waited for: that is no fault of the configuration.
void report_serial(const char* what, const LineAddress& address, std::ostream& out) {
  std::string name;
  std::string why;
  out << what << ": " << address.text();
  if (address.kind == LineAddress::Kind::kSerial) {
    const bool there = open_serial(address, name, why).valid();
    out << " at " << address.baud << " baud: " << (there ? name + " is there" : "not now: " + why);
  }
  out << '\n';
}

}  // namespace

void print_identity(const ControllerConfig& config, std::ostream& out) {
  constexpr std::string_view kHex = "0123456789abcdef";
  const std::array<Bytes, 1> parts{Bytes(config.encoded)};
  const auto digest = sha256(parts);
  out << "station: " << config.station.station << " in " << config.station.city << ", "
      << config.station.door_board_count << " doors on " << config.station.boards_count << " boards\n"
      << "configuration: version " << config.station.version << ", hash ";
  for (std::size_t i = 0; i < limits::kConfigHashSize; ++i) {
    const auto value = std::to_integer<std::size_t>(digest[i]);
    out << kHex[value >> 4] << kHex[value & 15];
  }
  out << ", " << config.encoded.size() << " bytes\n";
}

bool report_config(const ControllerConfig& config, std::ostream& out) {
  print_identity(config, out);
  std::string why;
  const auto keys = read_station_keys(config.port.station_key_file, why);
  bool good = report_station_keys(keys, config.port.station_key_file, why, out);
  good = report_pass_key(config.port.pass_key_file, out) && good;
  good = report_certificate(config, out) && good;
  good = report_journal(config.port, keys, out) && good;
  report_serial("bus", config.port.bus, out);
  if (config.port.panel.has_value()) {
    report_serial("panel", *config.port.panel, out);
  } else {
    out << "panel: none\n";
  }
  out << "aggregator: " << config.port.aggregator.text() << '\n' << (good ? "good\n" : "not good\n");
  return good;
}

}  // namespace cubby::posix
