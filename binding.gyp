{
  "targets": [
    {
      "target_name": "tun",
      "conditions": [
        [
          "OS=='linux'",
          {
            "sources": [
              "native-setup/addon.c",
              "native-setup/arguments.c",
              "native-setup/batch.c",
              "native-setup/device.c",
              "native-setup/interface.c",
              "native-setup/poll.c",
              "native-setup/sum.c"
            ],
            "defines": ["NAPI_VERSION=8", "_GNU_SOURCE"],
            "cflags_c": ["-std=gnu11", "-O3", "-Wall", "-Wextra", "-Wno-unused-parameter", "-fvisibility=hidden"]
          },
          { "type": "none" }
        ]
      ]
    }
  ]
}
