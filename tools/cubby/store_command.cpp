#include "tools/cubby/store_command.h"

#include <chrono>
#include <iostream>
#include <memory>
#include <string>

#include "tools/aggregator/core/hex.h"
#include "tools/aggregator/storage/store_backup.h"
#include "tools/support/command_line.h"
#include "tools/support/text.h"

namespace cubby::tools {
namespace {

struct Options {
  std::string store;
  std::string to;
  std::string from;
  bool full = false;
};

constexpr const char* kExamples = R"help(Examples:
  cubby store info --store cubby.db
      who it is, how much is in it, and whether an aggregator has it open
  cubby store backup --store cubby.db --to /backup/cubby-2026-03-01.db
      a copy of one moment; the aggregator goes on serving
  cubby store restore --from /backup/cubby-2026-03-01.db --store cubby.db
      puts it back, with a new generation; the aggregator must not run. What was there is kept beside it)help";

int fail(const char* command, const std::string& words) {
  std::cerr << "cubby store " << command << ": " << words << '\n';
  return kExitFailure;
}

int done(const char* command) {
  std::cout.flush();
  return std::cout ? kExitOk : fail(command, "standard output cannot be written");
}

std::string newest(const aggregator::StoreInfo& info) {
  return info.last_event_utc_ms == 0 ? "none knew the time" : format_utc(info.last_event_utc_ms);
}

void print_contents(const aggregator::StoreInfo& info) {
  std::cout << "events        " << info.events << " of " << info.stations << " stations, the newest " << newest(info)
            << '\n'
            << "gaps          " << info.gaps << '\n'
            << "size          " << info.file_bytes << " bytes\n";
}

int show(const Options& options) {
  const aggregator::StoreInfo info = aggregator::read_store_info(options.store, options.full);
  if (!info.error.empty()) {
    return fail("info", "'" + options.store + "': " + info.error);
  }
  std::cout << "store         " << aggregator::to_hex(info.identity.uid) << '\n'
            << "generation    " << info.identity.generation << '\n'
            << "schema        version " << info.version << '\n'
            << "open          " << (info.in_use ? "by an aggregator" : "by nobody who writes") << '\n';
  print_contents(info);
  std::cout << "journals      " << info.journals << '\n' << "log beside it " << info.log_bytes << " bytes\n";
  if (options.full) {
    std::cout << "pages         all were read, none is damaged\n";
  }
  return done("info");
}

int backup(const Options& options) {
  const aggregator::StoreBackup made = aggregator::backup_store(options.store, options.to);
  if (!made.error.empty()) {
    return fail("backup", made.error);
  }
  std::cout << "backup        " << options.to << '\n' << "generation    " << made.info.identity.generation << '\n';
  print_contents(made.info);
  return done("backup");
}

std::uint64_t utc_ms() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
}

int restore(const Options& options) {
  const aggregator::StoreRestore put = aggregator::restore_store(options.from, options.store, utc_ms());
  if (!put.error.empty()) {
    return fail("restore", put.error + "; nothing was changed");
  }
  std::cout << "store         " << options.store << '\n'
            << "generation    " << put.info.identity.generation << "; the backup's was " << put.backup_generation;
  if (put.replaced_generation != 0) {
    std::cout << ", the replaced store's " << put.replaced_generation;
  }
  std::cout << '\n';
  print_contents(put.info);
  if (!put.replaced.empty()) {
    std::cout << "as it was     " << put.replaced << '\n';
  }
  return done("restore");
}

}  // namespace

void add_store_command(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App* store = app.add_subcommand("store", "Looks at the aggregator's store, copies it, and puts a copy back");
  store->require_subcommand(1);
  store->footer(kExamples);
  CLI::App* showing = store->add_subcommand("info", "Who a store is and what is in it");
  showing->add_option("--store", options->store, "the aggregator's SQLite file; it may be running")
      ->required()
      ->check(CLI::ExistingFile);
  showing->add_flag("--full", options->full, "look at every page of the file, too");
  showing->callback([options, &exit_code] { exit_code = show(*options); });
  CLI::App* copying = store->add_subcommand("backup", "Copies the store of one moment; the aggregator may be running");
  copying->add_option("--store", options->store, "the aggregator's SQLite file")->required()->check(CLI::ExistingFile);
  copying->add_option("--to", options->to, "file to make; one that is there is left alone")
      ->required()
      ->check(file_to_make_validator());
  copying->callback([options, &exit_code] { exit_code = backup(*options); });
  CLI::App* restoring = store->add_subcommand("restore", "Puts a backup in the place of the store");
  restoring->add_option("--from", options->from, "file that cubby store backup made; it is only read")
      ->required()
      ->check(CLI::ExistingFile);
  restoring
      ->add_option("--store", options->store,
                   "the aggregator's SQLite file, which nobody may have open; what is there is kept beside it")
      ->required()
      ->check(file_to_make_validator());
  restoring->callback([options, &exit_code] { exit_code = restore(*options); });
}

}  // namespace cubby::tools
