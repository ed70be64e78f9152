# The Node-API addon: the sources of the core, by the folders that csrc/CMakeLists.txt names, and those of node/src.
# libuv is Node's own, whose symbols the process has already: its header comes with Node's, and nothing is linked for it.
{
  "variables": {
    "wsm_sanitize%": "none",
    "wsm_werror%": 0,
  },
  "targets": [
    {
      "target_name": "ws_manager",
      "sources": ["<!@(node node/sources.js sources)"],
      "include_dirs": ["csrc/include", "csrc", "<!@(node node/sources.js include)"],
      "defines": ["_GNU_SOURCE", "NAPI_VERSION=9", "NODE_GYP_MODULE_NAME=ws_manager"],
      "libraries": ["<!@(node node/sources.js libraries)"],
      # Debian's node-gyp links every addon to Debian's libnode. Any other Node that loads such an addon has two Nodes in one process, and
      # crashes. The running Node has all symbols already.
      "libraries!": ["-lnode"],
      "cflags": [
        "-std=c11", "-fvisibility=hidden", "-g1",
        "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Wstrict-prototypes", "-Wmissing-prototypes", "-Wformat=2",
        "-Wundef", "-Wvla",
      ],
      "ldflags": ["-Wl,-z,relro,-z,now,-z,noexecstack"],
      "conditions": [
        ["wsm_werror==1", {"cflags": ["-Werror"]}],
        ["wsm_sanitize=='none'", {
          "cflags": ["-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=2", "-fstack-protector-strong", "-fstack-clash-protection"],
        }],
        ["wsm_sanitize=='address'", {
          "cflags": ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined", "-fno-omit-frame-pointer"],
          "ldflags": ["-fsanitize=address,undefined"],
        }],
      ],
    },
  ],
}
