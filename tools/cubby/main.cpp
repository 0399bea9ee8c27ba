// cubby: the command line for everything that is not a server.
#include <cstdio>

#include "tools/cubby/board_command.h"
#include "tools/cubby/export_command.h"
#include "tools/cubby/flash_command.h"
#include "tools/cubby/inject_command.h"
#include "tools/cubby/keys_command.h"
#include "tools/cubby/notify_command.h"
#include "tools/cubby/operate_command.h"
#include "tools/cubby/panel_command.h"
#include "tools/cubby/pki_command.h"
#include "tools/cubby/plan_command.h"
#include "tools/cubby/stations_command.h"
#include "tools/cubby/stats_command.h"
#include "tools/cubby/store_command.h"
#include "tools/cubby/verify_command.h"
#include "tools/support/command_line.h"

int main(int argc, char** argv) {
  using namespace cubby::tools;
  CLI::App app("Plays with an emulated fleet of parcel lockers and reads what its aggregator counted.", "cubby");
  app.set_version_flag("--version", "cubby 0.1.0");
  app.require_subcommand(1);
  app.footer(
      "Examples:\n"
      "  cubby inject deposit --station SX-TY-0007 --size M\n"
      "  cubby panel --station SX-TY-0007 --watch\n"
      "  cubby stats --by city\n"
      "  cubby verify --store cubby.db --ledger ledger.csv");
  int exit_code = kExitOk;
  add_board_commands(app, exit_code);
  add_export_command(app, exit_code);
  add_flash_command(app, exit_code);
  add_inject_command(app, exit_code);
  add_keys_command(app, exit_code);
  add_notify_command(app, exit_code);
  add_operate_command(app, exit_code);
  add_panel_command(app, exit_code);
  add_pki_command(app, exit_code);
  add_plan_command(app, exit_code);
  add_stations_command(app, exit_code);
  add_stats_command(app, exit_code);
  add_store_command(app, exit_code);
  add_verify_command(app, exit_code);
  if (const int code = parse_command_line(app, argc, argv); code >= 0) {
    return code;
  }
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    return kExitFailure;
  }
  return exit_code;
}
