#include "tools/cubby/flash_command.h"

#include <iostream>
#include <memory>
#include <string>

#include "tools/cubby/flash_pull.h"
#include "tools/cubby/flash_report.h"
#include "tools/support/command_line.h"

namespace cubby::tools {
namespace {

constexpr const char* kExamples = R"help(Examples:
  cubby flash inspect /var/lib/cubby/journal
      geometry, sectors, where the history begins and ends, and what is wrong
  cubby flash inspect journal --records
      also each record in words
  cubby flash verify journal && echo nothing is lost
  cubby flash export journal | jq 'select(.event.deposited)'
  cubby flash pull --state state --station SX-TY-0007 --out journal
      the journal of an emulated station, from the state that cubby-emulator keeps)help";

struct Options {
  std::string image;
  std::string format = "text";
  bool records = false;
  FlashHints hints;
  FlashPull pull;
};

int fail(const char* command, const std::string& words) {
  std::cerr << "cubby flash " << command << ": " << words << '\n';
  return kExitFailure;
}

/// Reads the image and has `print` write what is asked for; `print` says what the exit code is.
template <typename Print>
int read_and_print(const char* command, const Options& options, Print print) {
  std::vector<std::byte> bytes;
  bool in_use = false;
  if (const std::string wrong = read_flash_file(options.image, bytes, in_use); !wrong.empty()) {
    return fail(command, wrong);
  }
  if (in_use) {
    std::cerr << "cubby flash " << command << ": " << options.image
              << ": a controller has this journal; what is read may be of two moments\n";
  }
  const int code = print(read_flash(make_flash_image(std::move(bytes), options.hints)));
  std::cout.flush();
  return std::cout ? code : fail(command, "standard output cannot be written");
}

int inspect(const Options& options) {
  return read_and_print("inspect", options, [&options](const FlashReading& reading) {
    if (options.format == "json") {
      print_flash_json(reading, options.records, std::cout);
    } else {
      print_flash(reading, options.records, std::cout);
    }
    return kExitOk;
  });
}

int verify(const Options& options) {
  return read_and_print("verify", options, [](const FlashReading& reading) {
    for (const std::string& fault : reading.faults) {
      std::cout << fault << '\n';
    }
    return reading.faults.empty() ? kExitOk : kExitFailure;
  });
}

// What can be told is told; what is missing is for `verify` to say, and the exit code says that there is something.
int export_events(const Options& options) {
  return read_and_print("export", options, [](const FlashReading& reading) {
    print_flash_events(reading, std::cout);
    if (!reading.faults.empty()) {
      std::cerr << "cubby flash export: the image has faults, events may be missing; cubby flash verify names them\n";
    }
    return reading.faults.empty() ? kExitOk : kExitFailure;
  });
}

int pull(const Options& options) {
  const std::string wrong = pull_flash(options.pull, std::cout);
  return wrong.empty() ? kExitOk : fail("pull", wrong);
}

CLI::App* add_reader(CLI::App& flash, const char* name, const char* what, const std::shared_ptr<Options>& options) {
  CLI::App* command = flash.add_subcommand(name, what);
  command->add_option("image", options->image, "file with the flash, byte for byte; it is only read")
      ->required()
      ->check(CLI::ExistingFile);
  command->add_option("--sector-size", options->hints.sector_size, "bytes of a sector (default: as its headers say)")
      ->check(CLI::IsMember({4096, 8192, 16384, 32768, 65536}));
  command->add_option("--unit", options->hints.unit, "program unit, at least 4 (default: as its records stand)")
      ->check(CLI::IsMember({4, 8, 16, 32, 64, 128, 256}));
  return command;
}

}  // namespace

void add_flash_command(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App* flash = app.add_subcommand("flash", "Explains the flash of a controller's journal");
  flash->require_subcommand(1);
  flash->footer(kExamples);
  CLI::App* inspecting = add_reader(*flash, "inspect", "Says what is on it, where, and what is wrong", options);
  inspecting->add_flag("--records", options->records, "each record of the history, too");
  inspecting->add_option("--format", options->format, "how to print")->check(CLI::IsMember({"text", "json"}));
  inspecting->callback([options, &exit_code] { exit_code = inspect(*options); });
  CLI::App* verifying = add_reader(*flash, "verify", "One line for each fault; none: nothing is lost", options);
  verifying->callback([options, &exit_code] { exit_code = verify(*options); });
  CLI::App* exporting = add_reader(*flash, "export", "Its events, one line of JSON each", options);
  exporting->callback([options, &exit_code] { exit_code = export_events(*options); });
  CLI::App* pulling = flash->add_subcommand("pull", "Copies a station's flash out of an emulator's state");
  pulling
      ->add_option("--state", options->pull.state,
                   "folder that cubby-emulator --state keeps; the emulator must not run")
      ->required()
      ->check(CLI::ExistingDirectory);
  pulling->add_option("--station", options->pull.station, "the station's name")->required()->check(station_validator());
  pulling->add_option("--out", options->pull.out, "file to make; one that is there is left alone")->required();
  pulling->callback([options, &exit_code] { exit_code = pull(*options); });
}

}  // namespace cubby::tools
