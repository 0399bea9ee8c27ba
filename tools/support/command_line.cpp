#include "tools/support/command_line.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <map>
#include <optional>

#include "firmware/base/limits.h"
#include "firmware/base/names.h"
#include "firmware/toml/toml_text.h"
#include "tools/support/text.h"

namespace cubby::tools {
namespace {

constexpr std::size_t kConfigBytesMax = 1 << 20;

std::vector<std::string> long_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) {
      names.push_back(name);
    }
  }
  return names;
}

std::string did_you_mean(const std::string& text, const std::vector<std::string>& names) {
  const std::string close = nearest(text, names);
  return close.empty() ? std::string() : "; did you mean " + close + "?";
}

// The value as it would be typed; nullopt: not a single value.
std::optional<std::string> typed(const toml::node& node) {
  if (const auto text = node.value_exact<std::string>()) {
    return *text;
  }
  if (const auto number = node.value_exact<std::int64_t>()) {
    return std::to_string(*number);
  }
  if (const auto flag = node.value_exact<bool>()) {
    return *flag ? "true" : "false";
  }
  if (const auto real = node.value_exact<double>()) {
    std::array<char, 40> text{};
    std::snprintf(text.data(), text.size(), "%.17g", *real);
    return text.data();
  }
  return std::nullopt;
}

// Empty: the option takes this value. The validators are the command line's own.
std::string value_problem(CLI::Option& option, const toml::node& node, const std::string& value) {
  if (option.get_expected_min() == 0) {
    return node.is_boolean() ? std::string() : "must be true or false";
  }
  if (node.is_boolean()) {
    return "must not be true or false";
  }
  if (option.get_type_name().starts_with("UINT") && !node.is_integer()) {
    return "must be a whole number, without quotes";
  }
  if (option.get_type_name().starts_with("FLOAT") && !node.is_number()) {
    return "must be a number, without quotes";
  }
  for (int index = 0;; ++index) {
    try {
      std::string copy = value;
      if (std::string problem = (*option.get_validator(index))(copy); !problem.empty()) {
        return problem;
      }
    } catch (const CLI::OptionNotFound&) {
      return {};  // CLI11 tells the end of its list only so.
    }
  }
}

class TomlConfig final : public CLI::Config {
 public:
  explicit TomlConfig(CLI::App& app) : app_(app) {}

  std::string to_config(const CLI::App*, bool, bool, std::string) const override { return {}; }

  std::vector<CLI::ConfigItem> from_config(std::istream& stream) const override {
    const std::string file = app_.get_config_ptr()->as<std::string>();
    std::string content(kConfigBytesMax + 1, '\0');
    stream.read(content.data(), static_cast<std::streamsize>(content.size()));
    content.resize(static_cast<std::size_t>(stream.gcount()));
    if (content.size() > kConfigBytesMax) {
      throw CLI::FileError(file + ": larger than 1 MiB", CLI::ExitCodes::FileError);
    }
    const toml_text::Parsed parsed = toml_text::parse(content);
    if (parsed.problem.has_value()) {
      const auto& [place, what] = *parsed.problem;
      throw CLI::FileError(at(file, place) + what, CLI::ExitCodes::FileError);
    }
    return items_of(parsed.table, file);
  }

 private:
  static std::string at(const std::string& file, const toml_text::Place& place) {
    return file + ":" + std::to_string(place.line) + ":" + std::to_string(place.column) + ": ";
  }

  std::string read_item(const std::string& name, const toml::node& node, CLI::ConfigItem& item) const {
    std::vector<std::string> names = long_names(app_);
    std::erase_if(names,
                  [](const std::string& known) { return known == "config" || known == "help" || known == "version"; });
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      return "unknown key '" + name + "'" + did_you_mean(name, names);
    }
    const std::optional<std::string> value = typed(node);
    if (!value.has_value()) {
      return "'" + name + "' must be a text, a number, true or false";
    }
    item.name = name;
    item.inputs = {*value};
    const std::string problem = value_problem(*app_.get_option("--" + name), node, *value);
    return problem.empty() ? problem : "'" + name + "': " + problem;
  }

  // All that is wrong at once, in the file's order.
  std::vector<CLI::ConfigItem> items_of(const toml::table& table, const std::string& file) const {
    std::vector<CLI::ConfigItem> found;
    std::map<std::pair<std::uint32_t, std::uint32_t>, std::string> errors;
    for (const auto& [key, node] : table) {
      CLI::ConfigItem item;
      std::string problem = read_item(std::string(key.str()), node, item);
      if (problem.empty()) {
        found.push_back(std::move(item));
        continue;
      }
      disarm(problem);
      const toml_text::Place place{.line = node.source().begin.line, .column = node.source().begin.column};
      errors.emplace(std::pair(place.line, place.column), at(file, place) + problem);
    }
    if (!errors.empty()) {
      std::string all;
      for (const auto& [place, error] : errors) {
        all += (all.empty() ? "" : "\n") + error;
      }
      throw CLI::FileError(all, CLI::ExitCodes::FileError);
    }
    return found;
  }

  CLI::App& app_;
};

// A file or socket that is opened later must not take the place of a standard stream that was closed.
void occupy_closed_streams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(stream, F_GETFD) < 0 && errno == EBADF) {
      // Opened for the direction that nobody wants: writing to it stays an error.
      const int opened = open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY);
      if (opened >= 0 && opened != stream) {
        dup2(opened, stream);
        close(opened);
      }
    }
  }
}

const CLI::App& deepest(const CLI::App& app) {
  const std::vector<CLI::App*> parsed = app.get_subcommands();
  return parsed.empty() ? app : deepest(*parsed.back());
}

std::string full_name(const CLI::App& app) {
  return app.get_parent() == nullptr ? app.get_name() : full_name(*app.get_parent()) + " " + app.get_name();
}

std::vector<std::string> subcommand_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(sub->get_name());
  }
  return names;
}

CLI::Validator of_characters(std::string_view allowed, std::size_t least, std::size_t most, const char* what,
                             const char* type) {
  return CLI::Validator(
      [=](std::string& text) {
        const bool good =
            text.size() >= least && text.size() <= most && text.find_first_not_of(allowed) == std::string::npos;
        return good ? std::string() : "'" + text + "' is not " + what;
      },
      type);
}

std::string describe_extras(CLI::App& app, const CLI::App& where) {
  std::vector<std::string> extras = app.remaining(true);
  std::reverse(extras.begin(), extras.end());
  const auto option =
      std::find_if(extras.begin(), extras.end(), [](const std::string& text) { return text.starts_with("-"); });
  const std::string extra = option != extras.end() ? *option : (extras.empty() ? std::string() : extras.front());
  if (!extra.starts_with("-")) {
    return "'" + extra + "' is not expected here" + did_you_mean(extra, subcommand_names(where));
  }
  std::vector<std::string> names;
  for (const std::string& name : long_names(where)) {
    names.push_back("--" + name);
  }
  const std::string name = extra.substr(0, extra.find('='));
  return "unknown option " + name + did_you_mean(name, names);
}

std::string describe_required(CLI::App& app, const CLI::App& where, const CLI::RequiredError& error) {
  const std::vector<std::string> names = subcommand_names(where);
  if (!names.empty() && !where.remaining().empty()) {
    return describe_extras(app, where);
  }
  if (names.empty() || !where.get_subcommands().empty()) {
    return error.what();
  }
  std::string text = "a command is needed:";
  for (const std::string& name : names) {
    text += (&name == names.data() ? " " : ", ") + name;
  }
  return text;
}

}  // namespace

void add_toml_config(CLI::App& app) {
  app.set_config("--config", "", "TOML file with these options' names as keys; the command line wins")
      ->check(CLI::ExistingFile);
  app.config_formatter(std::make_shared<TomlConfig>(app));
  app.allow_config_extras(CLI::config_extras_mode::error);
}

int parse_command_line(CLI::App& app, int argc, char** argv) {
  occupy_closed_streams();
  std::signal(SIGPIPE, SIG_IGN);  // A reader that went away is a failed write, with a line that says so.
  std::string problem;
  try {
    app.parse(argc, argv);
    return -1;
  } catch (const CLI::Success& done) {
    app.exit(done);
    return std::cout.flush() ? kExitOk : kExitFailure;
  } catch (const CLI::ExtrasError&) {
    problem = describe_extras(app, deepest(app));
  } catch (const CLI::RequiredError& error) {
    problem = describe_required(app, deepest(app), error);
  } catch (const CLI::ParseError& error) {
    problem = error.what();
  }
  const std::string name = full_name(deepest(app));
  if (problem.find('\n') != std::string::npos) {
    std::cerr << problem << '\n';  // Each line names its place.
  } else {
    std::cerr << name << ": " << problem << " (" << name << " --help says more)\n";
  }
  return kExitUsage;
}

CLI::Validator integer_range(std::uint64_t low, std::uint64_t high) {
  const std::string range = "from " + std::to_string(low) + " to " + std::to_string(high);
  return CLI::Validator(
      [low, high, range](std::string& text) {
        std::uint64_t value = 0;
        const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (code != std::errc() || end != text.data() + text.size() || value < low || value > high) {
          return "'" + text + "' is not a whole number " + range;
        }
        text = std::to_string(value);  // CLI11 would take 010 for eight.
        return std::string();
      },
      std::to_string(low) + ".." + std::to_string(high));
}

CLI::Validator number_range(double low, double high) {
  const auto number = [](double value) {
    std::array<char, 40> text{};
    std::snprintf(text.data(), text.size(), "%.10g", value);
    return std::string(text.data());
  };
  const std::string range = "from " + number(low) + " to " + number(high);
  return CLI::Validator(
      [low, high, range](std::string& text) {
        double value = 0;
        const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
        // Written so that NaN is out of range.
        if (code != std::errc() || end != text.data() + text.size() || !(value >= low && value <= high)) {
          return "'" + text + "' is not a number " + range;
        }
        return std::string();
      },
      number(low) + ".." + number(high));
}

CLI::Validator endpoint_validator() {
  return CLI::Validator(
      [](std::string& text) {
        const auto endpoint = parse_endpoint(text);
        return endpoint.has_value() && endpoint->port != 0
                   ? std::string()
                   : "'" + text + "' is not HOST:PORT with a port of 1 to 65535, e.g. 127.0.0.1:7400";
      },
      "HOST:PORT");
}

CLI::Validator listen_validator() {
  return CLI::Validator(
      [](std::string& text) {
        return parse_endpoint(text).has_value()
                   ? std::string()
                   : "'" + text + "' is not HOST:PORT with a port of 0 to 65535, e.g. 127.0.0.1:7400";
      },
      "HOST:PORT");
}

CLI::Validator station_validator() {
  return of_characters("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.", 1, limits::kStationNameMax,
                       "a station's name such as SX-TY-0007", "NAME");
}

CLI::Validator carrier_validator() {
  return of_characters("abcdefghijklmnopqrstuvwxyz0123456789", 1, 8, "a brand: 1 to 8 of a-z, 0-9", "BRAND");
}

CLI::Validator code_validator() {
  return of_characters("0123456789", 6, 8, "a pickup code: 6 to 8 digits", "DIGITS");
}

CLI::Validator second_validator() {
  return of_characters("0123456789", limits::kSecondDigits, limits::kSecondDigits, "a second input: 4 digits",
                       "DIGITS");
}

CLI::Validator recipient_validator() {
  return of_characters("0123456789abcdef", 1, 16, "a recipient's token: 1 to 16 of 0-9, a-f", "TOKEN");
}

std::string check_file_to_make(const std::string& path) {
  std::error_code error;
  if (path.empty()) {
    return "the path is empty; give a file";
  }
  if (std::filesystem::is_directory(path, error)) {
    return "'" + path + "' is a directory; give a file in it";
  }
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  if (!folder.empty() && !std::filesystem::is_directory(folder, error)) {
    return "the folder '" + folder.string() + "' does not exist; make it first";
  }
  return {};
}

CLI::Validator file_to_make_validator() {
  return {[](std::string& text) { return check_file_to_make(text); }, "FILE"};
}

CLI::Validator duration_validator() {
  return CLI::Validator(
      [](std::string& text) {
        return parse_duration_ms(text).has_value()
                   ? std::string()
                   : "'" + text + "' is not a duration such as 90s, 10m, 2h or 1d, at most 366d";
      },
      "DURATION");
}

}  // namespace cubby::tools
