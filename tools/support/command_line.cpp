#include "tools/support/command_line.h"

#include <toml++/toml.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include "tools/support/text.h"

namespace cubby::tools {
namespace {

constexpr std::uintmax_t kConfigBytesMax = 1 << 20;

std::vector<std::string> long_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) {
      names.push_back(name);
    }
  }
  return names;
}

class TomlConfig final : public CLI::Config {
 public:
  explicit TomlConfig(CLI::App& app) : app_(app) {}

  std::string to_config(const CLI::App*, bool, bool, std::string) const override { return {}; }

  std::vector<CLI::ConfigItem> from_config(std::istream& stream) const override {
    std::ostringstream text;
    text << stream.rdbuf();
    const std::string file = app_.get_config_ptr()->as<std::string>();
    if (text.str().size() > kConfigBytesMax) {
      throw CLI::FileError(file + ": larger than 1 MiB", CLI::ExitCodes::FileError);
    }
    std::string content = text.str();
    if (content.starts_with("\xEF\xBB\xBF")) {
      content.erase(0, 3);
    }
    toml::table table;
    try {
      table = toml::parse(content, file);
    } catch (const toml::parse_error& error) {
      std::ostringstream message;
      message << at(file, error.source()) << error.description();
      throw CLI::FileError(message.str(), CLI::ExitCodes::FileError);
    }
    return items_of(table, file);
  }

 private:
  static std::string at(const std::string& file, const toml::source_region& source) {
    return file + ":" + std::to_string(source.begin.line) + ":" + std::to_string(source.begin.column) + ": ";
  }

  std::vector<CLI::ConfigItem> items_of(const toml::table& table, const std::string& file) const {
    std::vector<CLI::ConfigItem> found;
    std::string errors;
    const std::vector<std::string> names = long_names(app_);
    for (const auto& [key, node] : table) {
      const std::string name(key.str());
      std::string problem;
      std::string value;
      if (std::find(names.begin(), names.end(), name) == names.end() || name == "config" || name == "help" || name == "version") {
        const std::string close = nearest(name, names);
        problem = "unknown key '" + name + "'" + (close.empty() ? "" : "; did you mean '" + close + "'?");
      } else if (const auto text = node.value_exact<std::string>()) {
        value = *text;
      } else if (const auto number = node.value_exact<std::int64_t>()) {
        value = std::to_string(*number);
      } else if (const auto flag = node.value_exact<bool>()) {
        value = *flag ? "true" : "false";
      } else if (const auto real = node.value_exact<double>()) {
        value = std::to_string(*real);
      } else {
        problem = "'" + name + "' must be a text, a number, true or false";
      }
      if (!problem.empty()) {
        errors += (errors.empty() ? "" : "\n") + at(file, node.source()) + problem;
        continue;
      }
      CLI::ConfigItem item;
      item.name = name;
      item.inputs = {value};
      found.push_back(std::move(item));
    }
    if (!errors.empty()) {
      throw CLI::FileError(errors, CLI::ExitCodes::FileError);
    }
    return found;
  }

  CLI::App& app_;
};

}  // namespace

void add_toml_config(CLI::App& app) {
  app.set_config("--config", "", "TOML file with these options' names as keys; the command line wins")->check(CLI::ExistingFile);
  app.config_formatter(std::make_shared<TomlConfig>(app));
  app.allow_config_extras(CLI::config_extras_mode::error);
}

int parse_command_line(CLI::App& app, int argc, char** argv) {
  try {
    app.parse(argc, argv);
    return -1;
  } catch (const CLI::Success& done) {
    app.exit(done);
    return kExitOk;
  } catch (const CLI::ExtrasError& error) {
    std::string hint;
    for (const std::string& extra : app.remaining(true)) {
      std::vector<std::string> names;
      for (const std::string& name : long_names(app)) {
        names.push_back("--" + name);
      }
      const std::string close = nearest(extra.substr(0, extra.find('=')), names);
      hint += close.empty() ? "" : "; did you mean " + close + "?";
      break;
    }
    std::cerr << app.get_name() << ": " << error.what() << hint << " (--help lists all options)\n";
    return kExitUsage;
  } catch (const CLI::ParseError& error) {
    std::cerr << app.get_name() << ": " << error.what() << (std::string_view(error.what()).find('\n') == std::string_view::npos ? " (--help says more)\n" : "\n");
    return kExitUsage;
  }
}

CLI::Validator endpoint_validator() {
  return CLI::Validator(
      [](std::string& text) {
        return parse_endpoint(text).has_value() ? std::string() : "'" + text + "' is not HOST:PORT with a port of 0 to 65535, e.g. 127.0.0.1:7400";
      },
      "HOST:PORT");
}

CLI::Validator duration_validator() {
  return CLI::Validator(
      [](std::string& text) {
        return parse_duration_ms(text).has_value() ? std::string() : "'" + text + "' is not a duration such as 90s, 10m, 2h or 1d, at most 366d";
      },
      "DURATION");
}

}  // namespace cubby::tools
