// The power of a board under QEMU goes at an instruction: a plugin that counts what the board executes and, before the
// instruction that was asked for, ends QEMU as kill -9 does. Nothing gets to tidy up; the board's flash is what its
// file holds then.
//
//   qemu-system-arm ... -plugin cubby_qemu_power_cut.so,at=1000000
//
// QEMU's interface for plugins is one of C functions in its own program. Its header is in no package; what is used here
// is declared below, from its documentation (QEMU 7.2, docs/devel/tcg-plugins.rst, version 1 of the interface).
#include <signal.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

extern "C" {
struct qemu_plugin_tb;
struct qemu_plugin_insn;
using qemu_plugin_id_t = std::uint64_t;

std::size_t qemu_plugin_tb_n_insns(const qemu_plugin_tb* block);
qemu_plugin_insn* qemu_plugin_tb_get_insn(const qemu_plugin_tb* block, std::size_t index);
void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id, void (*callback)(qemu_plugin_id_t, qemu_plugin_tb*));
void qemu_plugin_register_vcpu_insn_exec_cb(qemu_plugin_insn* instruction, void (*callback)(unsigned, void*), int flags,
                                            void* data);

int qemu_plugin_version = 1;
int qemu_plugin_install(qemu_plugin_id_t id, const void* info, int argc, char** argv);
}

namespace {
constexpr int kNoRegisters = 0;  // QEMU_PLUGIN_CB_NO_REGS: the callback looks at none.

std::uint64_t executed_so_far = 0;
std::uint64_t cut_at = 0;  // From 1.

void executed(unsigned, void*) {
  if (++executed_so_far == cut_at) {
    kill(getpid(), SIGKILL);
  }
}

void translated(qemu_plugin_id_t, qemu_plugin_tb* block) {
  for (std::size_t i = 0; i < qemu_plugin_tb_n_insns(block); ++i) {
    qemu_plugin_register_vcpu_insn_exec_cb(qemu_plugin_tb_get_insn(block, i), executed, kNoRegisters, nullptr);
  }
}
}  // namespace

int qemu_plugin_install(qemu_plugin_id_t id, const void*, int argc, char** argv) {
  if (argc != 1 || std::strncmp(argv[0], "at=", 3) != 0 || (cut_at = std::strtoull(argv[0] + 3, nullptr, 10)) == 0) {
    std::fprintf(stderr, "power cut: give at=N, an instruction from 1 on\n");
    return 1;
  }
  qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
  return 0;
}
