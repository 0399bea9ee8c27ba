#pragma once

#include <memory>
#include <ostream>
#include <string>

#include "tools/aggregator/storage/log_reader.h"

namespace cubby::tools {

/// Writes events of the log in one form. docs/spec/export.md
class EventWriter {
 public:
  virtual ~EventWriter() = default;
  virtual void begin() {}
  /// Every event in order, those that are not wanted too.
  virtual void take(const aggregator::LoggedEvent& event) = 0;
  virtual void end() {}
  /// Wanted events that the form cannot express.
  std::uint64_t left_out() const { return left_out_; }

 protected:
  std::uint64_t left_out_ = 0;
};

/// A line an event, the fields that most kinds share.
std::unique_ptr<EventWriter> make_csv_writer(std::ostream& out);
/// A JSON object a line, the whole event.
std::unique_ptr<EventWriter> make_json_lines_writer(std::ostream& out);
/// One GS1 EPCIS 2.0 document. `uri_prefix` begins what it calls its things; `created_utc_ms` stands in its head.
std::unique_ptr<EventWriter> make_epcis_writer(std::ostream& out, std::string uri_prefix, std::uint64_t created_utc_ms);

/// A field for a line of CSV, quoted where RFC 4180 wants it; a spreadsheet takes none for a formula.
std::string csv_field(const std::string& text);
/// "2025-03-03T04:00:00.000Z".
std::string utc_with_ms(std::uint64_t utc_ms);

}  // namespace cubby::tools
