// SPDX-License-Identifier: Apache-2.0
// The commands that show the host.
#include <cstdio>

#include "base/text.h"
#include "base/try.h"
#include "commands.h"

namespace gpuhook::hook {
namespace {

void print(const std::string& text) {
  (void)std::fputs(text.c_str(), stdout);
}  // main checks the stream at the end

std::string or_unknown(std::string_view text) {
  return std::string(text.empty() ? "Unknown" : text);
}

std::string row(std::string_view label, std::string_view value) {
  std::string padded(label);
  padded.resize(15, ' ');
  return concat(padded, " ", value, "\n");
}

std::string info_as_text(const Inventory& inventory) {
  std::string out = row("NVRM version:", inventory.driver.text()) +
                    row("CUDA version:", or_unknown(inventory.cuda_version));
  for (const Gpu& gpu : inventory.gpus) {
    out += "\n" + row("Device Index:", std::to_string(gpu.index)) +
           row("Device Minor:", std::to_string(gpu.minor)) + row("Model:", gpu.model) +
           row("Brand:", or_unknown(gpu.brand)) + row("GPU UUID:", or_unknown(gpu.uuid)) +
           row("Bus Location:", gpu.pci.long_text()) +
           row("Architecture:", or_unknown(gpu.architecture));
    for (std::size_t i = 0; i < gpu.mig.size(); ++i) {
      const MigInstance& mig = gpu.mig[i];
      out += row("MIG Device:",
                 concat(gpu.index, ":", i, " ", or_unknown(mig.uuid), " (GPU instance ",
                        mig.gpu_instance, ", compute instance ", mig.compute_instance, ")"));
    }
    if (!gpu.problem.empty()) out += row("Problem:", gpu.problem);
  }
  return out;
}

std::string info_as_csv(const Inventory& inventory) {
  std::string out = concat("NVRM version,CUDA version\n", inventory.driver.text(), ",",
                           or_unknown(inventory.cuda_version),
                           "\n\nDevice Index,Device Minor,Model,Brand,GPU UUID,Bus Location,"
                           "Architecture\n");
  for (const Gpu& gpu : inventory.gpus) {
    out += concat(gpu.index, ",", gpu.minor, ",", gpu.model, ",", or_unknown(gpu.brand), ",",
                  or_unknown(gpu.uuid), ",", gpu.pci.long_text(), ",", or_unknown(gpu.architecture),
                  "\n");
  }
  return out;
}

void print_node(const std::optional<DeviceNode>& node) {
  if (node) print(node->path.text() + "\n");
}

void print_gpu_nodes(const Gpu& gpu) {
  if (gpu.problem.empty()) print_node(gpu.node);
  for (const DrmNode& drm : gpu.drm) print_node(drm.node);
}

// The access node of a GPU instance once, with its first compute instance.
void print_mig_nodes(const Gpu& gpu) {
  for (const MigInstance& mig : gpu.mig) {
    if (mig.compute_instance == 0) print_node(mig.gpu_instance_access);
    print_node(mig.compute_instance_access);
  }
}

void print_files(const Inventory& inventory, DriverFileKind kind) {
  for (const DriverFile& file : inventory.files) {
    if (file.kind == kind) print(file.path.text() + "\n");
  }
}

}  // namespace

Status info(InfoFormat format, const Settings& settings) {
  const Config config = TRY(load(settings)).config;
  const Inventory inventory = ask_driver_library(TRY(probe_host(config)), config);
  switch (format) {
    case InfoFormat::kText:
      print(info_as_text(inventory));
      break;
    case InfoFormat::kCsv:
      print(info_as_csv(inventory));
      break;
    case InfoFormat::kJson:
      print(inventory_as_json(inventory));
      break;
  }
  // Unknown is an answer; why it is one belongs beside it, not into it.
  if (!inventory.unanswered.empty() && !inventory.gpus.empty() && config.questions.allowed)
    (void)std::fputs(one_line("gpu-hook: " + inventory.unanswered).append("\n").c_str(), stderr);
  return {};
}

Status show_config(const Settings& settings) {
  const LoadedConfig loaded = TRY(load(settings));
  print(concat("# from ", loaded.file ? loaded.file->text() : "built-in defaults", "\n"));
  for (const Note& note : loaded.notes)
    print(concat("# no meaning here: ", note.what, ": ", note.reason, "\n"));
  print(config_as_toml(loaded.config));
  return {};
}

Status list(const Settings& settings) {
  const Inventory inventory = TRY(probe_host(TRY(load(settings)).config));
  for (const DeviceNode& node : inventory.control_nodes) print_node(node);
  for (const Gpu& gpu : inventory.gpus) print_gpu_nodes(gpu);
  for (const Gpu& gpu : inventory.gpus) print_mig_nodes(gpu);
  print_node(inventory.mig_config);
  print_node(inventory.mig_monitor);
  for (const DeviceNode& node : inventory.imex_channels) print_node(node);
  for (const FeatureNode& node : inventory.feature_nodes) print_node(node.node);
  using enum DriverFileKind;
  for (const DriverFileKind kind : {kProgram, kLibrary, kSocket, kFirmware, kData, kXorgModule})
    print_files(inventory, kind);
  return {};
}

}  // namespace gpuhook::hook
