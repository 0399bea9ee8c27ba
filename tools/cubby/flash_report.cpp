#include "tools/cubby/flash_report.h"
#include "tools/aggregator/storage/event_json.h"

#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>

#include "tools/cubby/flash_words.h"

namespace cubby::tools {
namespace {

namespace json = boost::json;

std::size_t address_of(const FlashImage& image, const HistoryRecord& entry) {
  return std::size_t{entry.sector} * image.sector_size + entry.record.offset;
}

std::string range(std::uint64_t from, std::uint64_t next) {
  return from >= next ? "none" : std::to_string(from) + " to " + std::to_string(next - 1);
}

/// The sector opened last, of the journal that counts; 0: none.
std::uint64_t newest_serial(const FlashHistory& history) {
  std::uint64_t serial = 0;
  for (const FlashSector& sector : history.sectors) {
    serial = sector.has_header() && sector.header.uid == history.uid ? std::max(serial, sector.header.serial) : serial;
  }
  return serial;
}

std::uint32_t unfinished_boots(const FlashHistory& history) {
  return static_cast<std::uint32_t>(
      std::count_if(history.sectors.begin(), history.sectors.end(),
                    [](const FlashSector& sector) { return sector.standing == SectorStanding::kUnfinishedBoot; }));
}

void print_history(const FlashReading& reading, std::ostream& out) {
  const FlashHistory& history = reading.history;
  out << "journal      " << hex_text(history.uid) << ", opened by " << history.boot << " boots, "
      << unfinished_boots(history) << " of them unfinished\n";
  out << "history      orders " << range(history.first_order, history.next_order) << ", events "
      << range(history.first_seq, history.next_seq) << ", in " << history.in_order.size() << " sectors\n";
  if (!history.records.empty()) {
    const HistoryRecord& last = history.records.back();
    out << "begins       " << address_text(address_of(reading.image, history.records.front())) << '\n'
        << "ends         " << address_text(address_of(reading.image, last) + last.record.stored) << ", chain "
        << chain_text(history.chain) << '\n';
  }
  out << "checkpoint   ";
  if (history.checkpoint_begin != 0) {
    out << "orders " << history.checkpoint_begin << " to " << history.checkpoint_end << '\n';
  } else {
    out << "none is complete\n";
  }
  out << "acknowledged ";
  if (history.ack.has_value()) {
    out << "event " << history.ack->seq << ", chain " << chain_text(history.ack->chain) << ", store "
        << hex_text(history.ack->store_uid) << ", generation " << history.ack->generation << '\n';
  } else {
    out << "never\n";
  }
  out << "wear         not in the image; serials up to " << newest_serial(history) << " on "
      << reading.image.sector_count() << " sectors, one for each sector opened or more\n";
  std::string worn;
  for (std::uint32_t i = 0; i < reading.image.sector_count(); ++i) {
    if (history.sectors[i].retired) {
      worn += (worn.empty() ? "sector " : ", ") + std::to_string(i);
    }
  }
  if (!worn.empty()) {
    out << "worn out     " << worn << ": out of use as soon as the history there is obsolete\n";
  }
}

void print_sectors(const FlashReading& reading, std::ostream& out) {
  out << "\nsector  address   standing         role  serial      boot   first order  first event  records  used\n";
  for (std::uint32_t i = 0; i < reading.image.sector_count(); ++i) {
    const FlashSector& sector = reading.history.sectors[i];
    char line[160];
    if (sector.standing == SectorStanding::kBlank) {
      const std::uint32_t first = i;
      while (i + 1 < reading.image.sector_count() &&
             reading.history.sectors[i + 1].standing == SectorStanding::kBlank) {
        ++i;
      }
      std::snprintf(line, sizeof(line), "%6u  %s  blank, up to sector %u", first,
                    address_text(std::size_t{first} * reading.image.sector_size).c_str(), i);
    } else if (!sector.has_header()) {
      std::snprintf(line, sizeof(line), "%6u  %s  %s", i,
                    address_text(std::size_t{i} * reading.image.sector_size).c_str(),
                    std::string(to_string(sector.standing)).c_str());
    } else {
      const bool boot = sector.header.role == store::layout::SectorRole::kBoot;
      std::snprintf(line, sizeof(line), "%6u  %s  %-15s  %-4s  %-10llu  %-5u  %-11llu  %-11llu  %-7zu  %u", i,
                    address_text(std::size_t{i} * reading.image.sector_size).c_str(),
                    std::string(to_string(sector.standing)).c_str(), boot ? "boot" : "next",
                    static_cast<unsigned long long>(sector.header.serial), sector.header.boot,
                    static_cast<unsigned long long>(sector.header.first_order),
                    static_cast<unsigned long long>(sector.header.first_seq), sector.records.size(),
                    sector.counted_end);
    }
    out << line << '\n';
  }
}

void print_records(const FlashReading& reading, std::ostream& out) {
  out << "\naddress   order       bytes  what\n";
  for (const HistoryRecord& entry : reading.history.records) {
    char line[64];
    std::snprintf(line, sizeof(line), "%s  %-10llu  %-5zu  ", address_text(address_of(reading.image, entry)).c_str(),
                  static_cast<unsigned long long>(entry.record.header.order), entry.record.payload.size());
    out << line;
    if (entry.record.is_event()) {
      out << "event " << entry.record.header.seq << ", chain " << chain_text(entry.record.header.chain) << ", ";
    }
    out << record_words(entry.record) << '\n';
  }
}

json::object sector_json(const FlashReading& reading, std::uint32_t index) {
  const FlashSector& sector = reading.history.sectors[index];
  json::object object{{"sector", index},
                      {"offset", std::size_t{index} * reading.image.sector_size},
                      {"standing", std::string(to_string(sector.standing))},
                      {"retired", sector.retired}};
  if (sector.version != 0) {
    object["version"] = sector.version;
  }
  if (sector.has_header()) {
    object["header_repaired"] = sector.header_repaired;
    object["role"] = number_in(sector.header.role);
    object["journal"] = hex_text(sector.header.uid);
    object["serial"] = std::to_string(sector.header.serial);
    object["supersedes"] = std::to_string(sector.header.supersedes);
    object["boot"] = sector.header.boot;
    object["first_order"] = std::to_string(sector.header.first_order);
    object["first_seq"] = std::to_string(sector.header.first_seq);
    object["chain"] = std::to_string(sector.header.chain);
    object["records"] = sector.records.size();
    object["records_behind_damage"] = sector.strays.size();
    object["used"] = sector.counted_end;
    object["copy_done"] = sector.copy_done;
  }
  return object;
}

json::object record_json(const FlashReading& reading, const HistoryRecord& entry) {
  const store::layout::RecordHeader& header = entry.record.header;
  json::object object{{"offset", address_of(reading.image, entry)},
                      {"class", header.record_class == 1 ? "event" : "internal"},
                      {"kind", header.kind},
                      {"order", std::to_string(header.order)},
                      {"size", entry.record.payload.size()},
                      {"words", record_words(entry.record)}};
  if (entry.record.is_event()) {
    object["seq"] = std::to_string(header.seq);
    object["chain"] = std::to_string(header.chain);
    object["event"] = json::parse(aggregator::event_json(entry.record.payload));
  }
  return object;
}

json::object history_json(const FlashHistory& history) {
  json::object object{{"journal", hex_text(history.uid)},
                      {"boots", history.boot},
                      {"unfinished_boots", unfinished_boots(history)},
                      {"newest_serial", std::to_string(newest_serial(history))},
                      {"first_order", std::to_string(history.first_order)},
                      {"next_order", std::to_string(history.next_order)},
                      {"first_seq", std::to_string(history.first_seq)},
                      {"next_seq", std::to_string(history.next_seq)},
                      {"chain", std::to_string(history.chain)},
                      {"checkpoint", nullptr},
                      {"acknowledged", nullptr}};
  if (history.checkpoint_begin != 0) {
    object["checkpoint"] = json::object{{"first_order", std::to_string(history.checkpoint_begin)},
                                        {"last_order", std::to_string(history.checkpoint_end)}};
  }
  if (history.ack.has_value()) {
    object["acknowledged"] = json::object{{"seq", std::to_string(history.ack->seq)},
                                          {"chain", std::to_string(history.ack->chain)},
                                          {"store", hex_text(history.ack->store_uid)},
                                          {"generation", std::to_string(history.ack->generation)}};
  }
  return object;
}

}  // namespace

FlashReading read_flash(FlashImage image) {
  FlashReading reading{.image = std::move(image), .history = {}, .verdict = {}, .faults = {}};
  reading.history = read_history(reading.image);
  reading.verdict = try_mount(reading.image, reading.history);
  reading.faults = faults_of(reading.image, reading.history, reading.verdict);
  return reading;
}

void print_flash(const FlashReading& reading, bool records, std::ostream& out) {
  const FlashImage& image = reading.image;
  out << "image        " << image.bytes.size() << " bytes, " << image.sector_count() << " sectors of "
      << image.sector_size << (image.sector_size_found ? " (as headers say)" : " (as given, or by default)")
      << ", unit " << image.unit << (image.unit_found ? " (as records stand)" : " (as given, or by default)") << '\n';
  if (reading.history.first_order != 0) {
    print_history(reading, out);
  }
  print_sectors(reading, out);
  if (records) {
    print_records(reading, out);
  }
  out << '\n';
  for (const std::string& fault : reading.faults) {
    out << "fault  " << fault << '\n';
  }
  for (const FlashFinding& finding : reading.history.findings) {
    if (finding.harmless) {
      out << "note   " << finding.words << '\n';
    }
  }
  out << (reading.faults.empty() ? "a mount accepts this image, and nothing is lost"
                                 : "this image is not what a controller should be left with")
      << '\n';
}

void print_flash_json(const FlashReading& reading, bool records, std::ostream& out) {
  json::object object{{"bytes", reading.image.bytes.size()},
                      {"sector_size", reading.image.sector_size},
                      {"sector_count", reading.image.sector_count()},
                      {"unit", reading.image.unit},
                      {"mount", reading.verdict.tried ? std::string(to_string(reading.verdict.status)) : "NotTried"},
                      {"history", nullptr}};
  if (reading.history.first_order != 0) {
    object["history"] = history_json(reading.history);
  }
  json::array sectors;
  for (std::uint32_t i = 0; i < reading.image.sector_count(); ++i) {
    sectors.push_back(sector_json(reading, i));
  }
  object["sectors"] = std::move(sectors);
  json::array lines;
  for (const HistoryRecord& entry : reading.history.records) {
    if (records) {
      lines.push_back(record_json(reading, entry));
    }
  }
  if (records) {
    object["records"] = std::move(lines);
  }
  json::array notes;
  for (const FlashFinding& finding : reading.history.findings) {
    if (finding.harmless) {
      notes.emplace_back(finding.words);
    }
  }
  object["faults"] = json::array(reading.faults.begin(), reading.faults.end());
  object["notes"] = std::move(notes);
  out << json::serialize(object) << '\n';
}

void print_flash_events(const FlashReading& reading, std::ostream& out) {
  for (const HistoryRecord& entry : reading.history.records) {
    if (entry.record.is_event()) {
      out << event_line(entry.record, address_of(reading.image, entry)) << '\n';
    }
  }
}

}  // namespace cubby::tools
