/**
 * Seeds and their traces. When one differs, the behaviour of the core or of the simulator has changed: if that was
 * meant, `npm run sim -- --seeds 20 --traces` prints what belongs here.
 */
export const TRACES: readonly (readonly [seed: number, trace: string])[] = [
  [1, "3b51f73b2241b08c90a43b8467fcfcbc9fffa180a98f28e82248da4cffa51cf1"],
  [2, "86ddf9de3b4f5e0ab1459c40c21d6d9a8aab5d2dae5840a53bc534cb9c05b4af"],
  [3, "96a9c4e2a9e7cdd301365569ce216aa74573eb813235c2fee009a22bf02ee9ec"],
  [4, "a71ade3e637a447930f32b04c9c5b91778d025df711e8d4ecf2b4c8ec1948a8b"],
  [5, "5704bda1c8849cca964e6f581ecb6d27aa3cd087c6c3577a3f2fbc5ba97abfb3"],
  [6, "88a7b1fc08d6a3d13e7d45ac05fea838c492c30d6aaf58d96d0a3c42bf87f74d"],
  [7, "add5d64beefbcfeef9e55ad7afa2554db0700b497bdd7dc0653834822c0042fe"],
  [8, "833e42391520ebb0b1ad4641d67e484ff3da24dad60fad195666545fb2ad54c1"],
  [9, "ed9fd3e1819282dfaaab4bd3ecbf3ec8942f9fe395ab13442e26995ff6366b86"],
  [10, "6b15ed72e54deabf9fe4042a642807155f2ef455062a2fdfc8768ee1d232e9e4"],
  [11, "ff649805962e44ba0da20fb6459e3deb2d3a0f704f7880f29c7a242968998b3c"],
  [12, "75d715f08289fc694b9fdbbfec49c00601b2c782538d66ea8817a2ac89c4dab5"],
  [13, "17c71d63451e072db84111fec03cc4aa67c49397f33fe64c24f640ec8c35f195"],
  [14, "288ae70007707e20ffa8b25a9d779d4785cb7f7cc672002f11bfe0f5a22cc7af"],
  [15, "6c1d3d24b6952f237a9f20ac2831c51602d65b36fbf051bde67f9fcdcde9dd93"],
  [16, "f063d737e635be0c3031274359869503c4b54f5bef9da59336cb30fc7110db0d"],
  [17, "a74fdf40e9a692127e71ad59ee2c1b6b65240749dad70a7ee817968b1b5311cb"],
  [18, "406f8da2b3f57eb96674e0f90ba36d14f65cd5a9d12e3596ec23e90be16cb1a6"],
  [19, "087b4ef95f832300fc5a697665fb4deb374d81b9079225fe0f5b85e3819d054b"],
  [20, "892c9abb3efc2e518b0b51e8a459d57b242ce5c18caff3dc73aadb9c674aedf5"],
];
