// SPDX-License-Identifier: Apache-2.0
// containerd's config.toml in its versions 1 to 3, and the template that microk8s makes one from.
#include <algorithm>
#include <array>

#include "base/text.h"
#include "base/try.h"
#include "engines/plans.h"

namespace gpuhook::engines {
namespace {

constexpr std::string_view kUsualFile = "/etc/containerd/config.toml";
constexpr std::string_view kMicrok8sFile =
    "/var/snap/microk8s/current/args/containerd-template.toml";
constexpr std::string_view kNewFile = "version = 2\n\n";
constexpr std::string_view kNewDropIn = "version = 3\n\n";
constexpr std::string_view kDropInName = "99-gpu-hook.toml";
constexpr std::string_view kRuntimeType = "io.containerd.runc.v2";

// The plugin for Kubernetes, by version of the configuration.
constexpr std::array<std::string_view, 4> kPlugin{"", "cri", "io.containerd.grpc.v1.cri",
                                                  "io.containerd.cri.v1.runtime"};

Result<std::size_t> version_of(const toml::table& document) {
  const toml::node* const node = document.get("version");
  if (node == nullptr) return std::size_t{1};
  const auto version = node->value_exact<std::int64_t>().value_or(0);
  if (version >= 1 && version < static_cast<std::int64_t>(kPlugin.size()))
    return static_cast<std::size_t>(version);
  return fail(ErrorKind::kBadInput,
              formats::at_line(*node, "a version of the configuration that is not known here"),
              "known are 1, 2 and 3");
}

TomlPath plugin_path(std::size_t version) { return {"plugins", std::string(kPlugin.at(version))}; }

const toml::table* table_at(const toml::table& document, const TomlPath& path) {
  const toml::node* const node = node_at(document, path);
  return node == nullptr ? nullptr : node->as_table();
}

// The runtime that the new one shall be like: the default, unless it is no runc at all.
const toml::table* model_runtime(const toml::table& document, const TomlPath& containerd) {
  const std::string name = string_at(document, containerd / "default_runtime_name");
  const TomlPath runtimes = containerd / "runtimes";
  if (!name.empty() &&
      string_at(document, runtimes / name / "runtime_type").find("runc") != std::string::npos)
    return table_at(document, runtimes / name);
  for (const std::string_view usual : {"runc", "crun"}) {
    if (const toml::table* const found = table_at(document, runtimes / usual)) return found;
  }
  return nullptr;
}

// What says nothing: containerd's own defaults.
bool is_default(std::string_view value) {
  return value == "false" || value == "0" || value == "\"\"" || value == "[]";
}

// Entries of a table as it has them, but for those that are written anew.
TomlTable::Entries copied(const toml::table& table, std::span<const std::string_view> but,
                          bool with_defaults) {
  TomlTable::Entries entries;
  for (const auto& [key, node] : table) {
    const std::string name(key.str());
    const auto value = toml_value(node);
    if (!value || std::find(but.begin(), but.end(), name) != but.end()) continue;
    if (with_defaults ? !node.is_array() : !is_default(*value)) entries.emplace_back(name, *value);
  }
  return entries;
}

// SystemdCgroup above all: two runtimes of a node that manage cgroups differently break it.
TomlTable runtime_table(const toml::table& document, const TomlPath& containerd,
                        const HostPath& runtime, std::size_t version) {
  constexpr std::array<std::string_view, 3> kOwnKeys{"runtime_type", "runtime_engine",
                                                     "runtime_root"};
  constexpr std::array<std::string_view, 2> kOwnOptions{"BinaryName", "Runtime"};
  TomlTable::Entries entries{{"runtime_type", toml_quoted(kRuntimeType)}};
  const std::string program = toml_quoted(runtime.text());
  TomlTable::Entries options{{"BinaryName", program}};
  if (version == 1) options.emplace_back("Runtime", program);
  if (const toml::table* const model = model_runtime(document, containerd)) {
    for (auto& entry : copied(*model, kOwnKeys, false)) entries.push_back(std::move(entry));
    const toml::node* const theirs = model->get("options");
    if (theirs != nullptr && theirs->is_table()) {
      for (auto& entry : copied(*theirs->as_table(), kOwnOptions, true))
        options.push_back(std::move(entry));
    }
  }
  return {.path = containerd / "runtimes" / kRuntimeName,
          .entries = std::move(entries),
          .child = std::pair{std::string("options"), std::move(options)}};
}

// The table of old that goes over the name of the default runtime.
Status check_old_default(const toml::table& document, const TomlPath& containerd) {
  const TomlPath type = containerd / "default_runtime" / "runtime_type";
  if (string_at(document, type).empty()) return {};
  return fail(
      ErrorKind::kBadInput,
      formats::at_line(*node_at(document, type), "default_runtime goes over default_runtime_name"),
      "move what it says to a table below runtimes and name that by default_runtime_name");
}

// What a document of `version` shall say, in view of what the `model` document says.
Result<TomlWish> wish_for(const EngineSetup& setup, const toml::table& model, std::size_t version) {
  const TomlPath plugin = plugin_path(version);
  const TomlPath containerd = plugin / "containerd";
  TomlWish wish;
  if (setup.cdi) wish.keys.push_back({.table = plugin, .key = "enable_cdi", .value = "true"});
  if (setup.set_default) {
    TRY(check_old_default(model, containerd));
    wish.keys.push_back(
        {.table = containerd, .key = "default_runtime_name", .value = toml_quoted(kRuntimeName)});
  }
  wish.tables.push_back(runtime_table(model, containerd, setup.runtime, version));
  return wish;
}

// Directories of which the configuration imports every file. Only in version 3 a table of a plugin
// may be spread over files: containerd before 2.1 takes the last file's for the whole.
std::vector<HostPath> import_directories(const toml::table& document, const HostPath& file) {
  constexpr std::string_view kAll = "/*.toml";
  std::vector<HostPath> found;
  const auto version = version_of(document);
  const toml::array* const imports = document["imports"].as_array();
  if (!version || *version != 3 || imports == nullptr) return found;
  for (const toml::node& node : *imports) {
    std::string text = node.value_exact<std::string>().value_or("");
    if (!text.ends_with(kAll)) continue;
    text.resize(text.size() - kAll.size());
    if (!text.starts_with('/')) text = concat(file.parent().text(), "/", text);
    const auto path = HostPath::parse(text);
    if (path && text.find_first_of("*?[") == std::string::npos) found.push_back(*path);
  }
  return found;
}

struct MainFile {
  HostPath path;
  std::string_view preamble;
  toml::table document;  // without what we wrote
};

Result<MainFile> main_file(const EngineSetup& setup, const ReadFile& read) {
  const bool of_snap = setup.engine == Engine::kMicrok8s;
  MainFile file{
      .path = setup.file.value_or(HostPath::literal(of_snap ? kMicrok8sFile : kUsualFile)),
      .preamble = kNewFile,
      .document = {}};
  const auto parse = [&]() -> Status {
    const EarlierFile earlier = TRY(earlier_file(file.path, read, file.preamble));
    if (of_snap && !earlier.now && !setup.remove)
      return fail(ErrorKind::kNotFound, "does not exist",
                  "install microk8s, or name it by --config");
    file.document = TRY(formats::parse_toml(earlier.text));
    return {};
  };
  TRY(doing(in_quotes(file.path.text()), parse()));
  return file;
}

void remark_disabled(const MainFile& file, EngineChanges& changes) {
  const toml::array* const disabled = file.document["disabled_plugins"].as_array();
  if (disabled == nullptr) return;
  for (const toml::node& node : *disabled) {
    const std::string name = node.value_exact<std::string>().value_or("");
    if (!name.empty() && std::find(kPlugin.begin(), kPlugin.end(), name) != kPlugin.end())
      changes.remarks.push_back(
          concat(file.path.text(), " has ", name,
                 " in disabled_plugins: Kubernetes can use no runtime until that is taken out"));
  }
}

// A file of NVIDIA's toolkit, which comes later in the order of names and therefore decides.
Status remark_later_file(const HostPath& directory, const ReadFile& read, EngineChanges& changes) {
  const HostPath other = directory / "99-nvidia.toml";
  if (TRY(read(other)))
    changes.remarks.push_back(concat(
        other.text(), " is read later, and what it says of the runtime counts: move it away"));
  return {};
}

Result<FileChange> drop_in_change(const EngineSetup& setup, const ReadFile& read,
                                  const MainFile& main, const HostPath& directory, bool wanted) {
  std::optional<MakeWish> wish;
  if (wanted) {
    wish = [&](const toml::table& /*document*/) -> Result<TomlWish> {
      return wish_for(setup, main.document, 3);
    };
  }
  return edited_toml_file({.path = directory / kDropInName, .preamble = kNewDropIn}, read, wish);
}

}  // namespace

Result<EngineChanges> plan_containerd(const EngineSetup& setup, const ReadFile& read) {
  const MainFile main = TRY(main_file(setup, read));
  EngineChanges changes;
  changes.restart = setup.engine == Engine::kMicrok8s
                        ? "restart microk8s for this to take effect: snap restart microk8s"
                        : "restart containerd for this to take effect: "
                          "systemctl restart containerd";
  if (!setup.remove) remark_disabled(main, changes);
  const std::vector<HostPath> directories = import_directories(main.document, main.path);
  for (const HostPath& directory : directories) {
    const bool wanted = !setup.remove && directory == directories.front();
    changes.files.push_back(TRY(drop_in_change(setup, read, main, directory, wanted)));
    if (wanted) TRY(remark_later_file(directory, read, changes));
  }
  std::optional<MakeWish> wish;
  if (!setup.remove && directories.empty()) {
    wish = [&](const toml::table& document) -> Result<TomlWish> {
      return wish_for(setup, document, TRY(version_of(document)));
    };
  }
  changes.files.push_back(
      TRY(edited_toml_file({.path = main.path, .preamble = main.preamble}, read, wish)));
  return changes;
}

}  // namespace gpuhook::engines
