// What was put aside, once more. docs/spec/notices.md, "Put aside"
#include <spdlog/spdlog.h>

#include <boost/json.hpp>
#include <fstream>
#include <vector>

#include "tools/cubby/notifier.h"
#include "tools/support/durable_file.h"

namespace cubby::tools {
namespace {

namespace json = boost::json;

constexpr std::size_t kLineMax = 4'096;
constexpr std::size_t kLinesMax = 1'000'000;

// Empty, or one line for a person.
std::string read_lines(const std::string& file, std::vector<std::string>& lines) {
  if (!may_exist(file)) {
    return {};
  }
  std::ifstream in(file, std::ios::binary);
  for (std::string line; std::getline(in, line);) {
    if (line.size() > kLineMax || lines.size() == kLinesMax) {
      return file + ": not a list of events that were put aside";
    }
    if (!line.empty()) {
      lines.push_back(line);
    }
  }
  return in.eof() ? std::string() : file + ": cannot be read";
}

}  // namespace

std::string Notifier::replay_line(std::string& line) {
  boost::system::error_code parse_error;
  json::value entry = json::parse(line, parse_error);
  json::object row = !parse_error && entry.is_object() ? entry.as_object() : json::object();
  row["event"] = json::object();
  const auto place = place_of(row);
  if (!place) {
    return {};  // Of somebody else's hand, or cut: it stays as it is.
  }
  const auto stays = [&](const std::string& reason) {
    entry.as_object()["reason"] = reason;
    line = json::serialize(entry);
    spdlog::error("event {}: stays aside, nobody was told: {}", place->id, reason);
    return std::string();
  };
  EventPage page;
  std::string problem;
  switch (fetch(std::to_string(place->id - 1), 1, page, problem)) {
    case Fetched::kFailed:
    case Fetched::kHopeless:
      return problem;
    case Fetched::kAnotherLog:
      return stays("the event is not in the log any more");
    case Fetched::kPage:
      break;
  }
  if (page.rows.empty() || place_of(page.rows.front()) != place) {
    return stays("the event is not in the log any more");
  }
  Notice notice;
  if (read_notice(page.rows.front(), *place, options_.fleet_keys, notice) != NoticeOf::kNotice) {
    return stays("the event cannot be read by this version");
  }
  std::string said;
  switch (deliver(notice, *place, said)) {
    case Delivered::kTaken:
      line.clear();
      return {};
    case Delivered::kRefused:
      return stays(said);
    case Delivered::kStopped:
      break;
  }
  return said;
}

std::string Notifier::replay(std::size_t& left) {
  std::string error = open();  // A notifier that runs writes the same list: it is kept away.
  std::vector<std::string> lines;
  if (error.empty()) {
    error = read_lines(options_.refused_file, lines);
  }
  left = lines.size();
  if (!error.empty() || lines.empty()) {
    return error;  // The list stays as it is.
  }
  for (std::string& line : lines) {
    if (!error.empty() || loop_.stopping()) {
      break;
    }
    error = replay_line(line);
  }
  // Also after an error: what was taken need not be sent again.
  std::string text;
  left = 0;
  for (const std::string& line : lines) {
    text += line.empty() ? std::string() : line + "\n";
    left += line.empty() ? 0 : 1;
  }
  const std::string wrong = write_durably(options_.refused_file, text);
  error = error.empty() && !wrong.empty() ? "--refused: " + wrong : error;
  spdlog::info("{} notices delivered, {} stay aside", delivered_, left);
  return error;
}

}  // namespace cubby::tools
